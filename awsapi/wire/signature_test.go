package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// verifying is a server of STS and ECS that checks signatures.
func verifying() *Server {
	return New([]Service{
		{Name: "sts", Protocol: Query, Version: "2011-06-15", Ops: map[string]Op{
			"GetCallerIdentity": Handle(func(context.Context, *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
				return &sts.GetCallerIdentityOutput{Account: aws.String("000000000000")}, nil
			}),
		}},
	}, Options{Secret: func(id string) (string, bool) { return testSecret, id == testKey }})
}

const identityForm = "Action=GetCallerIdentity&Version=2011-06-15"

// signed is a request as the SDK's signer makes it.
func signed(t *testing.T, key, secret, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://localhost:4566/", strings.NewReader(body))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("X-Amz-Meta", "  two   spaces ")
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, r,
		hex.EncodeToString(sum[:]), "sts", "eu-central-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSignature_Verified(t *testing.T) {
	for _, c := range []struct {
		name    string
		request func(t *testing.T) *http.Request
		status  int
		code    string
	}{
		{"accepts the SDK's", func(t *testing.T) *http.Request { return signed(t, testKey, testSecret, identityForm) }, 200, ""},
		{"accepts a clock that is a little behind", func(t *testing.T) *http.Request {
			r := signed(t, testKey, testSecret, identityForm)
			time.Sleep(4 * time.Minute)
			return r
		}, 200, ""},
		{"refuses what is old", func(t *testing.T) *http.Request {
			r := signed(t, testKey, testSecret, identityForm)
			time.Sleep(6 * time.Minute)
			return r
		}, 403, "RequestExpired"},
		{"refuses another key", func(t *testing.T) *http.Request { return signed(t, "AKIDOTHER", testSecret, identityForm) }, 403, "InvalidClientTokenId"},
		{"refuses another secret", func(t *testing.T) *http.Request { return signed(t, testKey, "other", identityForm) }, 403, "SignatureDoesNotMatch"},
		{"refuses another body", func(t *testing.T) *http.Request {
			r := signed(t, testKey, testSecret, identityForm)
			r.Body = io.NopCloser(strings.NewReader(identityForm + "&x=y"))
			return r
		}, 403, "SignatureDoesNotMatch"},
		{"refuses another query", func(t *testing.T) *http.Request {
			r := signed(t, testKey, testSecret, identityForm)
			r.URL.RawQuery = "x=y"
			return r
		}, 403, "SignatureDoesNotMatch"},
		{"refuses a changed header", func(t *testing.T) *http.Request {
			r := signed(t, testKey, testSecret, identityForm)
			r.Header.Set("X-Amz-Meta", "three")
			return r
		}, 403, "SignatureDoesNotMatch"},
		{"refuses a host that is not signed", func(t *testing.T) *http.Request {
			r := signed(t, testKey, testSecret, identityForm)
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ";host;", ";", 1))
			return r
		}, 403, "IncompleteSignature"},
		{"accepts the presigned", func(t *testing.T) *http.Request { return presigned(t) }, 200, ""},
		{"refuses the presigned when it has expired", func(t *testing.T) *http.Request {
			r := presigned(t)
			time.Sleep(16 * time.Minute)
			return r
		}, 403, "RequestExpired"},
		{"refuses the presigned with another parameter", func(t *testing.T) *http.Request {
			r := presigned(t)
			r.URL.RawQuery += "&DurationSeconds=1"
			return r
		}, 403, "SignatureDoesNotMatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := httptest.NewRecorder()
				verifying().ServeHTTP(w, c.request(t))
				if w.Code != c.status || c.code != "" && !strings.Contains(w.Body.String(), "<Code>"+c.code+"</Code>") {
					t.Errorf("got  %d %s\nwant %d %s", w.Code, w.Body, c.status, c.code)
				}
			})
		})
	}
}

// presigned is a GET with its signature in the query string, valid for 15 minutes.
func presigned(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://localhost:4566/?"+identityForm+"&X-Amz-Expires=900", nil)
	empty := sha256.Sum256(nil)
	url, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}, r,
		hex.EncodeToString(empty[:]), "sts", "eu-central-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return httptest.NewRequest(http.MethodGet, url, nil)
}

func FuzzSignature(f *testing.F) {
	f.Add(someSignature)
	f.Add("AWS4-HMAC-SHA256 Credential=////aws4_request,SignedHeaders=,Signature=x")
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", header)
		sig, err := readSignature(r, nil)
		if err == nil && (sig.AccessKeyID == "" || sig.signature == "") {
			t.Errorf("%q was accepted as %+v", header, sig)
		}
		if err == nil && sig.verify(r, nil, nil, testSecret, time.Now()) == nil {
			t.Errorf("%q was verified", header)
		}
	})
}
