package proxy

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// attribute is one that a resource can be given: its default, what is valid, and of that what is not supported yet.
type attribute struct {
	usual string
	valid rule
	later func(v string) bool // nil: all of it is supported, or has no effect on a balancer with one node
}

// rule says what is wrong with a value, as the end of "'KEY' value 'V' must be ...", or "".
type rule func(v string) string

func oneOf(values ...string) rule {
	return func(v string) string {
		if slices.Contains(values, v) {
			return ""
		}
		return "one of '[" + strings.Join(values, ", ") + "]'"
	}
}

func between(low, high int, orElse ...string) rule {
	return func(v string) string {
		n, err := strconv.Atoi(v)
		if slices.Contains(orElse, v) || err == nil && n >= low && n <= high {
			return ""
		}
		return "between '" + strconv.Itoa(low) + "-" + strconv.Itoa(high) + "' inclusive"
	}
}

func anything(string) string { return "" }

var boolean = oneOf("true", "false")

func except(usual ...string) func(string) bool {
	return func(v string) bool { return !slices.Contains(usual, v) }
}

// groupAttributes are those of an HTTP group with targets of type instance or ip (alb.md 1.7).
var groupAttributes = map[string]attribute{
	"deregistration_delay.timeout_seconds":                                           {usual: "300", valid: between(0, 3600)},
	"stickiness.enabled":                                                             {"false", boolean, except("false")},
	"stickiness.type":                                                                {usual: "lb_cookie", valid: oneOf("lb_cookie", "app_cookie")},
	"stickiness.lb_cookie.duration_seconds":                                          {usual: "86400", valid: between(1, 604800)},
	"stickiness.app_cookie.duration_seconds":                                         {usual: "86400", valid: between(1, 604800)},
	"stickiness.app_cookie.cookie_name":                                              {usual: "", valid: cookieName},
	"load_balancing.algorithm.type":                                                  {usual: "round_robin", valid: oneOf("round_robin", "least_outstanding_requests", "weighted_random")},
	"load_balancing.algorithm.anomaly_mitigation":                                    {"off", oneOf("on", "off"), except("off")},
	"load_balancing.cross_zone.enabled":                                              {usual: "use_load_balancer_configuration", valid: oneOf("true", "false", "use_load_balancer_configuration")},
	"slow_start.duration_seconds":                                                    {"0", between(30, 900, "0"), except("0")},
	"target_group_health.dns_failover.minimum_healthy_targets.count":                 {usual: "1", valid: between(1, maxTargets, "off")},
	"target_group_health.dns_failover.minimum_healthy_targets.percentage":            {usual: "off", valid: between(1, 100, "off")},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      {usual: "1", valid: between(1, maxTargets)},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": {usual: "off", valid: between(1, 100, "off")},
}

// balancerAttributes are those of an Application Load Balancer (alb.md 5.6).
var balancerAttributes = map[string]attribute{
	"deletion_protection.enabled":                              {usual: "false", valid: boolean},
	"load_balancing.cross_zone.enabled":                        {usual: "true", valid: oneOf("true")},
	"access_logs.s3.enabled":                                   {"false", boolean, except("false")},
	"access_logs.s3.bucket":                                    {usual: "", valid: anything},
	"access_logs.s3.prefix":                                    {usual: "", valid: anything},
	"connection_logs.s3.enabled":                               {"false", boolean, except("false")},
	"connection_logs.s3.bucket":                                {usual: "", valid: anything},
	"connection_logs.s3.prefix":                                {usual: "", valid: anything},
	"health_check_logs.s3.enabled":                             {"false", boolean, except("false")},
	"health_check_logs.s3.bucket":                              {usual: "", valid: anything},
	"health_check_logs.s3.prefix":                              {usual: "", valid: anything},
	"ipv6.deny_all_igw_traffic":                                {usual: "false", valid: boolean},
	"zonal_shift.config.enabled":                               {usual: "false", valid: boolean},
	"idle_timeout.timeout_seconds":                             {usual: "60", valid: between(1, 4000)},
	"client_keep_alive.seconds":                                {usual: "3600", valid: between(60, 604800)},
	"routing.http.desync_mitigation_mode":                      {"defensive", oneOf("monitor", "defensive", "strictest"), except("defensive")},
	"routing.http.drop_invalid_header_fields.enabled":          {usual: "false", valid: boolean},
	"routing.http.preserve_host_header.enabled":                {usual: "false", valid: boolean},
	"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": {usual: "false", valid: boolean},
	"routing.http.xff_client_port.enabled":                     {usual: "false", valid: boolean},
	"routing.http.xff_header_processing.mode":                  {usual: "append", valid: oneOf("append", "preserve", "remove")},
	"routing.http2.enabled":                                    {usual: "true", valid: boolean},
	"waf.fail_open.enabled":                                    {usual: "false", valid: boolean},
}

// listenerAttributes are those of an HTTP listener (alb.md 2.7). They can be read only.
var listenerAttributes = func() map[string]attribute {
	all := map[string]attribute{"routing.http.response.server.enabled": {usual: "true"}}
	for _, name := range []string{"strict_transport_security", "access_control_allow_origin", "access_control_allow_methods",
		"access_control_allow_headers", "access_control_allow_credentials", "access_control_expose_headers",
		"access_control_max_age", "content_security_policy", "x_content_type_options", "x_frame_options"} {
		all["routing.http.response."+name+".header_value"] = attribute{}
	}
	return all
}()

func cookieName(v string) string {
	for _, ours := range []string{"AWSALB", "AWSALBAPP", "AWSALBTG"} {
		if strings.HasPrefix(v, ours) {
			return "a name that does not begin with '" + ours + "'"
		}
	}
	return ""
}

// checkAttributes checks what a request sets.
func checkAttributes(known map[string]attribute, set []Tag) error {
	seen := map[string]bool{}
	for _, s := range set {
		a, ok := known[s.Key]
		switch {
		case !ok:
			return invalid("The attribute key '%s' is not recognized", s.Key)
		case seen[s.Key]:
			return invalid("The attribute key '%s' was specified more than once", s.Key)
		}
		seen[s.Key] = true
		if problem := a.valid(s.Value); problem != "" {
			return invalid("'%s' value '%s' must be %s", s.Key, s.Value, problem)
		}
		if a.later != nil && a.later(s.Value) {
			return notYet("the value '%s' of the attribute '%s'", s.Value, s.Key)
		}
	}
	return nil
}

func merged(old map[string]string, set []Tag) map[string]string {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]string{}
	}
	for _, s := range set {
		out[s.Key] = s.Value
	}
	return out
}

// allAttributes are the set ones and the defaults, by key.
func allAttributes(known map[string]attribute, set map[string]string) []Tag {
	out := make([]Tag, 0, len(known))
	for _, k := range slices.Sorted(maps.Keys(known)) {
		v, ok := set[k]
		if !ok {
			v = known[k].usual
		}
		out = append(out, Tag{k, v})
	}
	return out
}

func groupAttribute(set map[string]string, key string) string {
	return attributeOf(groupAttributes, set, key)
}

func balancerAttribute(set map[string]string, key string) string {
	return attributeOf(balancerAttributes, set, key)
}

func attributeOf(known map[string]attribute, set map[string]string, key string) string {
	if v, ok := set[key]; ok {
		return v
	}
	a, ok := known[key]
	if !ok {
		panic("no attribute " + key)
	}
	return a.usual
}

// number reads a checked value; "off" is 0.
func number(v string) int {
	n, _ := strconv.Atoi(v) // checked when it was set
	return n
}

// TargetGroupAttributes gives all attributes of a group, defaults included.
func (p *Proxy) TargetGroupAttributes(id string) ([]Tag, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	g, err := p.group(id)
	if err != nil {
		return nil, err
	}
	return allAttributes(groupAttributes, g.conf.Attributes), nil
}

// ModifyTargetGroupAttributes sets some attributes and gives all.
func (p *Proxy) ModifyTargetGroupAttributes(ctx context.Context, id string, set []Tag) ([]Tag, error) {
	err := p.changeGroup(ctx, id, func(c *TargetGroup) error {
		if err := checkAttributes(groupAttributes, set); err != nil {
			return err
		}
		c.Attributes = merged(c.Attributes, set)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p.TargetGroupAttributes(id)
}

// LoadBalancerAttributes gives all attributes of a load balancer, defaults included.
func (p *Proxy) LoadBalancerAttributes(id string) ([]Tag, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	b, err := p.balancer(id)
	if err != nil {
		return nil, err
	}
	return allAttributes(balancerAttributes, b.Attributes), nil
}

// ModifyLoadBalancerAttributes sets some attributes, 20 at most, and gives all.
func (p *Proxy) ModifyLoadBalancerAttributes(ctx context.Context, id string, set []Tag) ([]Tag, error) {
	err := p.changeBalancer(ctx, id, func(b *LoadBalancer) error {
		if len(set) > 20 {
			return invalid("The number of attributes cannot be greater than '20'")
		}
		if err := checkAttributes(balancerAttributes, set); err != nil {
			return err
		}
		b.Attributes = merged(b.Attributes, set)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p.LoadBalancerAttributes(id)
}

// ListenerAttributes gives all attributes of a listener.
func (p *Proxy) ListenerAttributes(id string) ([]Tag, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if _, err := p.listener(id); err != nil {
		return nil, err
	}
	return allAttributes(listenerAttributes, nil), nil
}
