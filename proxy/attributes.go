package proxy

import (
	"context"
	"maps"
	"slices"
	"strconv"
)

// attribute is a key, its default and what values it takes.
type attribute struct {
	fallback string
	valid    func(string) bool
}

func boolean(s string) bool { return s == "true" || s == "false" }

func between(low, high int) func(string) bool {
	return func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && n >= low && n <= high
	}
}

func oneOf(words ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, s) }
}

func either(fs ...func(string) bool) func(string) bool {
	return func(s string) bool { return slices.ContainsFunc(fs, func(f func(string) bool) bool { return f(s) }) }
}

func anyText(s string) bool { return len(s) <= 1024 }

// Attributes of a target group of an ALB (alb.md 1.7).
var groupAttributes = map[string]attribute{
	"deregistration_delay.timeout_seconds":                                           {"300", between(0, 3600)},
	"stickiness.enabled":                                                             {"false", boolean},
	"stickiness.type":                                                                {"lb_cookie", oneOf("lb_cookie", "app_cookie")},
	"stickiness.lb_cookie.duration_seconds":                                          {"86400", between(1, 604800)},
	"stickiness.app_cookie.duration_seconds":                                         {"86400", between(1, 604800)},
	"stickiness.app_cookie.cookie_name":                                              {"", anyText},
	"load_balancing.algorithm.type":                                                  {"round_robin", oneOf("round_robin", "least_outstanding_requests", "weighted_random")},
	"load_balancing.algorithm.anomaly_mitigation":                                    {"off", oneOf("on", "off")},
	"load_balancing.cross_zone.enabled":                                              {"use_load_balancer_configuration", oneOf("true", "false", "use_load_balancer_configuration")},
	"slow_start.duration_seconds":                                                    {"0", either(oneOf("0"), between(30, 900))},
	"target_group_health.dns_failover.minimum_healthy_targets.count":                 {"1", either(oneOf("off"), between(1, 1000))},
	"target_group_health.dns_failover.minimum_healthy_targets.percentage":            {"off", either(oneOf("off"), between(1, 100))},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      {"1", between(1, 1000)},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": {"off", either(oneOf("off"), between(1, 100))},
}

// groupUnsupported are values that would change where requests go and that have no effect yet: they are refused, not
// ignored.
var groupUnsupported = map[string]func(string) bool{
	"stickiness.enabled":            oneOf("true"),
	"load_balancing.algorithm.type": oneOf("least_outstanding_requests", "weighted_random"),
	"slow_start.duration_seconds":   between(1, 900),
	// Only with weighted_random.
	"load_balancing.algorithm.anomaly_mitigation": oneOf("on"),
}

// balancerUnsupported is the same for load balancers.
var balancerUnsupported = map[string]func(string) bool{
	"routing.http.desync_mitigation_mode": oneOf("monitor", "strictest"),
	"access_logs.s3.enabled":              oneOf("true"),
	"connection_logs.s3.enabled":          oneOf("true"),
	"health_check_logs.s3.enabled":        oneOf("true"),
}

// supported refuses values that have no effect yet.
func supported(table map[string]func(string) bool, given map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(given)) {
		if bad := table[k]; bad != nil && bad(given[k]) {
			return refuse(CodeInvalidConfiguration, "miniecs does not have '%s' = '%s' yet", k, given[k])
		}
	}
	return nil
}

// Attributes of an application load balancer (alb.md 5.6).
var balancerAttributes = map[string]attribute{
	"deletion_protection.enabled":                              {"false", boolean},
	"load_balancing.cross_zone.enabled":                        {"true", oneOf("true")},
	"access_logs.s3.enabled":                                   {"false", boolean},
	"access_logs.s3.bucket":                                    {"", anyText},
	"access_logs.s3.prefix":                                    {"", anyText},
	"connection_logs.s3.enabled":                               {"false", boolean},
	"connection_logs.s3.bucket":                                {"", anyText},
	"connection_logs.s3.prefix":                                {"", anyText},
	"health_check_logs.s3.enabled":                             {"false", boolean},
	"health_check_logs.s3.bucket":                              {"", anyText},
	"health_check_logs.s3.prefix":                              {"", anyText},
	"ipv6.deny_all_igw_traffic":                                {"false", boolean},
	"zonal_shift.config.enabled":                               {"false", boolean},
	"idle_timeout.timeout_seconds":                             {"60", between(1, 4000)},
	"client_keep_alive.seconds":                                {"3600", between(60, 604800)},
	"routing.http.desync_mitigation_mode":                      {"defensive", oneOf("monitor", "defensive", "strictest")},
	"routing.http.drop_invalid_header_fields.enabled":          {"false", boolean},
	"routing.http.preserve_host_header.enabled":                {"false", boolean},
	"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": {"false", boolean},
	"routing.http.xff_client_port.enabled":                     {"false", boolean},
	"routing.http.xff_header_processing.mode":                  {"append", oneOf("append", "preserve", "remove")},
	"routing.http2.enabled":                                    {"true", boolean},
	"waf.fail_open.enabled":                                    {"false", boolean},
}

// all gives every attribute with its value.
func all(table map[string]attribute, set map[string]string) map[string]string {
	out := make(map[string]string, len(table))
	for k, a := range table {
		out[k] = a.fallback
	}
	maps.Copy(out, set)
	return out
}

// merge checks given values and gives what is set then.
func merge(table map[string]attribute, set, given map[string]string, kind string) (map[string]string, error) {
	out := maps.Clone(set)
	if out == nil {
		out = map[string]string{}
	}
	for _, k := range slices.Sorted(maps.Keys(given)) {
		a, ok := table[k]
		v := given[k]
		if !ok {
			return nil, refuse(CodeValidation, "%s attribute key '%s' is not recognized", kind, k)
		}
		if !a.valid(v) {
			if k == "deregistration_delay.timeout_seconds" {
				return nil, refuse(CodeValidation, "'%s' value '%s' must be between '0-3600' inclusive", k, v)
			}
			return nil, refuse(CodeValidation, "'%s' value '%s' is not valid", k, v)
		}
		out[k] = v
		if v == a.fallback {
			delete(out, k)
		}
	}
	return out, nil
}

// TargetGroupAttributes gives all attributes of a target group.
func (p *Proxy) TargetGroupAttributes(arn string) (map[string]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, err := p.group(arn)
	if err != nil {
		return nil, err
	}
	return all(groupAttributes, g.Attributes), nil
}

// ModifyTargetGroupAttributes merges the given ones and gives all.
func (p *Proxy) ModifyTargetGroupAttributes(ctx context.Context, arn string, given map[string]string) (map[string]string, error) {
	var out map[string]string
	err := p.changeGroup(ctx, arn, func(g *group) error {
		set, err := merge(groupAttributes, g.Attributes, given, "Target group")
		if err == nil {
			err = supported(groupUnsupported, given)
		}
		if err == nil {
			g.Attributes, out = set, all(groupAttributes, set)
		}
		return err
	})
	return out, err
}

// LoadBalancerAttributes gives all attributes of a load balancer.
func (p *Proxy) LoadBalancerAttributes(arn string) (map[string]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lb := p.balancers[arn]
	if lb == nil {
		return nil, refuse(CodeLoadBalancerNotFound, "One or more load balancers not found")
	}
	return all(balancerAttributes, lb.Attributes), nil
}

// ModifyLoadBalancerAttributes merges the given ones and gives all.
func (p *Proxy) ModifyLoadBalancerAttributes(ctx context.Context, arn string, given map[string]string) (map[string]string, error) {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	lb := p.balancers[arn]
	if lb == nil {
		p.mu.Unlock()
		return nil, refuse(CodeLoadBalancerNotFound, "One or more load balancers not found")
	}
	next := lb.clone()
	p.mu.Unlock()
	set, err := merge(balancerAttributes, next.Attributes, given, "Load balancer")
	if err == nil {
		err = supported(balancerUnsupported, given)
	}
	if err != nil {
		return nil, err
	}
	next.Attributes = set
	if err := p.commit(ctx, record("balancer", next.ID, next)); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	lb.Attributes = set
	p.refreshRoutes()
	return all(balancerAttributes, set), nil
}
