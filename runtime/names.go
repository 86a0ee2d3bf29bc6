package runtime

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ARNs and short names (spec/ecs-control-plane.md 0.2). Requests may name a thing by either.

var nameRule = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

func (r *Runtime) arn(kind string, parts ...string) string {
	return fmt.Sprintf("arn:aws:ecs:%s:%s:%s/%s", r.cfg.Region, r.cfg.Account, kind, strings.Join(parts, "/"))
}

func cutKey(key string) (head, tail string) {
	head, tail, _ = strings.Cut(key, "/")
	return head, tail
}

// lastPart is the id or name at the end of an ARN, or the name itself.
func lastPart(ref string) string {
	if i := strings.LastIndexByte(ref, '/'); i >= 0 {
		return ref[i+1:]
	}
	return ref
}

// clusterName is the name that a reference to a cluster means: a name, an ARN or nothing.
func clusterName(ref string) string {
	if ref == "" {
		return "default"
	}
	if strings.HasPrefix(ref, "arn:") {
		if i := strings.Index(ref, ":cluster/"); i >= 0 {
			return ref[i+len(":cluster/"):]
		}
	}
	return ref
}

// parseRevision splits a reference to a task definition: family, family:revision or ARN. Revision 0 is the newest.
func parseRevision(ref string) (fam string, rev int, err error) {
	s := ref
	if strings.HasPrefix(s, "arn:") {
		i := strings.Index(s, ":task-definition/")
		if i < 0 {
			return "", 0, refuse(Invalid, "Invalid task definition ARN: %s", ref)
		}
		s = s[i+len(":task-definition/"):]
	}
	fam, num, ok := strings.Cut(s, ":")
	if !ok {
		return fam, 0, nil
	}
	rev, convErr := strconv.Atoi(num)
	if convErr != nil || rev < 1 {
		return "", 0, refuse(Invalid, "Invalid task definition: Invalid revision number.")
	}
	return fam, rev, nil
}
