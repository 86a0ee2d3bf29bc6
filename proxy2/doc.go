// Package proxy is the Application Load Balancer: load balancers, listeners, target groups and their targets,
// with real HTTP health checks, draining, and a data plane that answers as ELB does. It knows neither ECS nor
// containers: a target is an id and a port that a Dialer reaches.
//
// Proxy (proxy.go) is the whole of it. The control methods are in the file of their thing: loadbalancer.go,
// listener.go, targetgroup.go, registration.go, tag.go. A target's life is target.go and check.go; a request's
// way is serve.go, route.go, forward.go, headers.go. Rules come from alb.md, named where they are applied.
package proxy
