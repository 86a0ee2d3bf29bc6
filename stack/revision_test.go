package stack

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"miniecs/taskdef"
)

// Only an empty list says that there is no revision: what the daemon refuses is an error, whatever its type.
func TestNewest_Refused(t *testing.T) {
	for _, op := range []string{"ListTaskDefinitions", "DescribeTaskDefinition"} {
		t.Run(op, func(t *testing.T) {
			c := NewClientWith("http://127.0.0.1:1", "us-east-1", &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				status, body := http.StatusOK, `{"taskDefinitionArns": ["arn:aws:ecs:us-east-1:000000000000:task-definition/f:1"]}`
				if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+op) {
					status, body = http.StatusBadRequest, `{"__type": "ClientException", "message": "Too many."}`
				}
				return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
			})})
			u := &up{c: c, s: &Stack{Name: "s"}, def: &taskdef.TaskDefinition{Family: "f"}}
			td, err := u.newest(context.Background())
			if err == nil || !strings.HasSuffix(err.Error(), "ClientException: Too many.") {
				t.Errorf("got %v, %v", td, err)
			}
		})
	}
}
