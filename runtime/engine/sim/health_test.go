package sim

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"miniecs/runtime/engine"
)

func TestHealth_Turns(t *testing.T) {
	check := engine.HealthCheck{Interval: 5 * time.Second, Retries: 2}
	patient := check
	patient.StartPeriod = 20 * time.Second
	tests := []struct {
		name  string
		check engine.HealthCheck
		b     Behaviour
		want  string
	}{
		{"healthy at the first probe", check, Behaviour{}, "5s healthy"},
		{"healthy later, within the retries", check, Behaviour{HealthyAfter: 6 * time.Second}, "10s healthy"},
		{"unhealthy first", check, Behaviour{HealthyAfter: 21 * time.Second}, "10s unhealthy, 25s healthy"},
		{"never", check, Behaviour{NeverHealthy: true}, "10s unhealthy"},
		{"never, with a start period", patient, Behaviour{NeverHealthy: true}, "30s unhealthy"},
		{"slow, forgiven by the start period", patient, Behaviour{HealthyAfter: 18 * time.Second}, "20s healthy"},
		{"falls ill", check, Behaviour{UnhealthyAfter: time.Minute}, "5s healthy, 1m5s unhealthy"},
		{"ill before the first probe", check, Behaviour{UnhealthyAfter: time.Second}, "10s unhealthy"},
		{"engine's defaults", engine.HealthCheck{}, Behaviour{NeverHealthy: true}, "1m30s unhealthy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, turn := range tt.b.turns(tt.check) {
				got = append(got, fmt.Sprint(turn.after, " ", turn.health))
			}
			if g := strings.Join(got, ", "); g != tt.want {
				t.Errorf("%+v: got %s, want %s", tt.b, g, tt.want)
			}
		})
	}
}

func TestHealth_IsInspectedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.Script("app:1", Behaviour{UnhealthyAfter: 12 * time.Second})
		events := listen(t, s)
		sp := spec("t1", "app", "app:1", take(t, s))
		sp.HealthCheck = &engine.HealthCheck{Interval: 5 * time.Second, Retries: 2}
		id := run(t, s, sp)
		for _, step := range []struct {
			wait time.Duration
			want engine.Health
		}{{0, engine.HealthStarting}, {5 * time.Second, engine.HealthHealthy}, {15 * time.Second, engine.HealthUnhealthy}} {
			time.Sleep(step.wait)
			synctest.Wait()
			if st := inspect(t, s, id); st.Health != step.want {
				t.Errorf("after %s more: %q, want %q", step.wait, st.Health, step.want)
			}
		}
		want := "start ns-1; start t1-app; health t1-app healthy; health t1-app unhealthy"
		if got := events(); got != want {
			t.Errorf("events\n got %s\nwant %s", got, want)
		}
	})
}
