package ids

import (
	"regexp"
	"testing"
)

func TestForms(t *testing.T) {
	for _, c := range []struct {
		name string
		make func() string
		form string
	}{
		{"task", Task, `^[0-9a-f]{32}$`},
		{"container instance", ContainerInstance, `^[0-9a-f]{32}$`},
		{"uuid", UUID, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		{"deployment", Deployment, `^ecs-svc/[0-9]{19}$`},
		{"service revision", func() string { return RevisionOf(Deployment()) }, `^[0-9]{19}$`},
		{"service deployment", ServiceDeployment, `^[0-9A-Za-z][0-9A-Za-z_-]{20}$`},
		{"elb", ELB, `^[0-9a-f]{16}$`},
		{"elb name", ELBName, `^[0-9]{10}$`},
		{"eni", func() string { return EC2("eni") }, `^eni-0[0-9a-f]{16}$`},
		{"hex", func() string { return Hex(4) }, `^[0-9a-f]{8}$`},
	} {
		t.Run(c.name, func(t *testing.T) {
			form, seen := regexp.MustCompile(c.form), map[string]bool{}
			for range 2000 {
				id := c.make()
				if !form.MatchString(id) {
					t.Fatalf("got %q, want %s", id, c.form)
				}
				if seen[id] && len(id) > 8 {
					t.Fatalf("%q came twice in 2000", id)
				}
				seen[id] = true
			}
		})
	}
}

func TestDigits_UsesEveryDigit(t *testing.T) {
	count := map[rune]int{}
	for _, r := range digits(10000) {
		count[r]++
	}
	for r := '0'; r <= '9'; r++ {
		if count[r] < 800 || count[r] > 1200 {
			t.Errorf("digit %c came %d times in 10000, want about 1000", r, count[r])
		}
	}
}
