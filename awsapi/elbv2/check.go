package elbv2

import (
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// A number that is given as 0 is out of range; to the proxy 0 means that none was given. So zeros stop here.

// checkNumbers refuses the zeros of a health check, in the words of every other number out of range (alb.md 1.2).
func checkNumbers(interval, timeout, up, down *int32) error {
	for _, n := range []struct {
		what        string
		given       *int32
		least, most int
	}{
		{"Health check interval", interval, 5, 300}, {"Health check timeout", timeout, 2, 120},
		{"Healthy threshold count", up, 2, 10}, {"Unhealthy threshold count", down, 2, 10},
	} {
		if n.given != nil && *n.given == 0 {
			return invalid("%s must be greater than or equal to '%d' and less than or equal to '%d'", n.what, n.least, n.most)
		}
	}
	return nil
}

// checkPort refuses a port that is given and is none.
func checkPort(port *int32) error {
	if port != nil && (*port < 1 || *port > 65535) {
		return invalid("Port '%d' must be between '1-65535' inclusive", *port)
	}
	return nil
}

func checkTargets(targets []types.TargetDescription) error {
	for _, t := range targets {
		if err := checkPort(t.Port); err != nil {
			return err
		}
	}
	return nil
}

// tagPattern is the model's, of keys and values alike.
const tagPattern = `^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`

// checkTagText refuses what AWS's pattern does not let through: an answer could not even bear a control character,
// because XML cannot.
func checkTagText(tags []types.Tag) error {
	for _, t := range tags {
		for i, s := range []string{value(t.Key), value(t.Value)} {
			if strings.IndexFunc(s, notOfTag) >= 0 {
				return invalid("1 validation error detected: Value at 'tags.member.%s' failed to satisfy constraint: "+
					"Member must satisfy regular expression pattern: %s", []string{"key", "value"}[i], tagPattern)
			}
		}
	}
	return nil
}

func notOfTag(r rune) bool {
	return r == unicode.ReplacementChar || !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r)
}

// contentTypes are those that a fixed response may have (alb.md 2.4).
var contentTypes = []string{"", "text/plain", "text/css", "text/html", "application/javascript", "application/json"}

func checkFixed(actions []types.Action) error {
	for _, a := range actions {
		if f := a.FixedResponseConfig; f != nil && !slices.Contains(contentTypes, value(f.ContentType)) {
			return invalid("The content type of a fixed response must be one of '[%s]'", strings.Join(contentTypes[1:], ","))
		}
	}
	return nil
}
