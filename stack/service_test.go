package stack

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// A service that drains is asked for until it is INACTIVE, and no longer than the caller waits.
func TestObserveService_Draining(t *testing.T) {
	for _, c := range []struct {
		name   string
		drains int // how many answers say so
		want   error
	}{
		{"not any more", 0, nil}, {"for a while", 20, nil}, {"for ever", 1 << 30, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, told := 0, []Step{}
				client := NewClientWith("http://127.0.0.1:1", "us-east-1", &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
					asked++
					status := "DRAINING"
					if asked > c.drains {
						status = "INACTIVE"
					}
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{},
						Body: io.NopCloser(strings.NewReader(`{"services": [{"serviceName": "web", "status": "` + status + `"}]}`))}, nil
				})})
				u := &up{c: client, tell: func(s Step) { told = append(told, s) },
					s: &Stack{Name: "web", cluster: "default", service: &ecs.CreateServiceInput{ServiceName: aws.String("web")}}}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := u.observeService(ctx); !errors.Is(err, c.want) || u.service != nil {
					t.Errorf("got %v and service %v, want %v and none", err, u.service, c.want)
				}
				if c.want == nil && asked != c.drains+1 || len(told) > 1 || (c.drains > 0) != (len(told) == 1) {
					t.Errorf("asked %d times, told %v", asked, told)
				}
			})
		})
	}
}
