package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature is what a request's Signature Version 4 says of its caller. Without Options.Secret it is read,
// not verified.
type Signature struct {
	AccessKeyID string
	Region      string // of the credential scope: "us-east-1"
	Service     string // of the credential scope: "ecs"

	date      string // of the credential scope: "20261124"
	headers   []string
	signature string
	presigned bool // in the query string, not in the Authorization header
}

const (
	algorithm = "AWS4-HMAC-SHA256"
	isoBasic  = "20060102T150405Z"
	maxSkew   = 5 * time.Minute
)

// The errors of authentication, with the codes that Query services use; JSON services append "Exception".
var (
	errUnsigned   = &Error{"MissingAuthenticationToken", "Request is missing Authentication Token", http.StatusForbidden}
	errIncomplete = &Error{"IncompleteSignature", "The request signature does not conform to AWS standards.", http.StatusForbidden}
	errUnknownKey = &Error{"InvalidClientTokenId", "The security token included in the request is invalid.", http.StatusForbidden}
	errSkewed     = &Error{"RequestExpired", "Signature expired or not yet current: the request's time is too far from the server's.", http.StatusForbidden}
	errMismatch   = &Error{"SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method.", http.StatusForbidden}
)

// jsonCodes has the names of those errors where a JSON service has not simply the same with "Exception".
var jsonCodes = map[string]string{
	"InvalidClientTokenId":  "UnrecognizedClientException",
	"SignatureDoesNotMatch": "InvalidSignatureException",
}

// readSignature finds the signature of a request in its Authorization header or its query string.
func readSignature(r *http.Request, query url.Values) (Signature, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if query.Get("X-Amz-Signature") == "" {
			return Signature{}, errUnsigned
		}
		sig := Signature{
			headers:   strings.Split(query.Get("X-Amz-SignedHeaders"), ";"),
			signature: query.Get("X-Amz-Signature"),
			presigned: true,
		}
		return sig, sig.scope(query.Get("X-Amz-Credential"))
	}
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.HasPrefix(scheme, "AWS4-") {
		return Signature{}, errIncomplete
	}
	var sig Signature
	credential := ""
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			sig.headers = strings.Split(value, ";")
		case "Signature":
			sig.signature = value
		}
	}
	if sig.signature == "" || len(sig.headers) == 0 {
		return Signature{}, errIncomplete
	}
	return sig, sig.scope(credential)
}

// scope reads ACCESSKEY/DATE/REGION/SERVICE/aws4_request.
func (sig *Signature) scope(credential string) error {
	parts := strings.Split(credential, "/")
	if len(parts) < 5 || parts[len(parts)-1] != "aws4_request" || parts[0] == "" {
		return errIncomplete
	}
	n := len(parts) // an access key with slashes in it is nobody's, but costs nothing
	sig.AccessKeyID = strings.Join(parts[:n-4], "/")
	sig.date, sig.Region, sig.Service = parts[n-4], parts[n-3], parts[n-2]
	return nil
}

// verify computes the signature again from exactly the headers that the client says it signed.
func (sig *Signature) verify(r *http.Request, query url.Values, body []byte, secret string, now time.Time) error {
	stamp := r.Header.Get("X-Amz-Date")
	skew := maxSkew
	if sig.presigned {
		stamp = query.Get("X-Amz-Date")
		seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
		if err != nil || seconds < 0 || seconds > 7*24*3600 {
			return errIncomplete
		}
		skew = max(skew, time.Duration(seconds)*time.Second)
	}
	at, err := time.Parse(isoBasic, stamp)
	if err != nil || !strings.HasPrefix(stamp, sig.date) || !slices.Contains(sig.headers, "host") {
		return errIncomplete
	}
	if now.Sub(at) > skew || at.Sub(now) > maxSkew {
		return errSkewed
	}
	hash := sha256.Sum256([]byte(sig.canonical(r, query, body)))
	toSign := strings.Join([]string{
		algorithm, stamp, strings.Join([]string{sig.date, sig.Region, sig.Service, "aws4_request"}, "/"), hex.EncodeToString(hash[:]),
	}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{sig.date, sig.Region, sig.Service, "aws4_request", toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	if !hmac.Equal([]byte(hex.EncodeToString(key)), []byte(sig.signature)) {
		return errMismatch
	}
	return nil
}

// canonical is the canonical request of Signature Version 4.
func (sig *Signature) canonical(r *http.Request, query url.Values, body []byte) string {
	var params []string
	for name, values := range query {
		if name == "X-Amz-Signature" {
			continue
		}
		for _, v := range values {
			params = append(params, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(params)
	var headers strings.Builder
	for _, name := range sig.headers {
		values := slices.Clone(r.Header.Values(name))
		switch {
		case name == "host":
			values = []string{r.Host}
		case name == "content-length" && len(values) == 0:
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
		headers.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	if r.Header.Get("X-Amz-Content-Sha256") == "UNSIGNED-PAYLOAD" {
		payload = "UNSIGNED-PAYLOAD"
	}
	path := strings.ReplaceAll(escape(r.URL.EscapedPath()), "%2F", "/")
	return strings.Join([]string{
		r.Method, path, strings.Join(params, "&"), headers.String(), strings.Join(sig.headers, ";"), payload,
	}, "\n")
}

// escape is the percent-encoding of Signature Version 4: everything but RFC 3986's unreserved characters.
func escape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%7E", "~")
}
