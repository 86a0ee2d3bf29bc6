package taskdef

import "testing"

func TestParseSecretRef(t *testing.T) {
	const secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db/main-AbCdEf"
	for _, test := range []struct {
		in   string
		want SecretRef
	}{
		{"my-param", SecretRef{Service: "ssm", Name: "my-param", ID: "my-param"}},
		{"/path/my-param", SecretRef{Service: "ssm", Name: "/path/my-param", ID: "/path/my-param"}},
		{"arn:aws:ssm:us-east-1:111122223333:parameter/NAME", SecretRef{Service: "ssm", Region: "us-east-1", Account: "111122223333", Name: "NAME", ID: "arn:aws:ssm:us-east-1:111122223333:parameter/NAME"}},
		{"arn:aws:ssm:us-east-1:111122223333:parameter/a/b", SecretRef{Service: "ssm", Region: "us-east-1", Account: "111122223333", Name: "/a/b", ID: "arn:aws:ssm:us-east-1:111122223333:parameter/a/b"}},
		{secret, SecretRef{Service: "secretsmanager", Region: "us-east-1", Account: "111122223333", Name: "db/main-AbCdEf", ID: secret}},
		{secret + ":password::", SecretRef{Service: "secretsmanager", Region: "us-east-1", Account: "111122223333", Name: "db/main-AbCdEf", ID: secret, JSONKey: "password"}},
		{secret + "::AWSPREVIOUS:v1", SecretRef{Service: "secretsmanager", Region: "us-east-1", Account: "111122223333", Name: "db/main-AbCdEf", ID: secret, VersionStage: "AWSPREVIOUS", VersionID: "v1"}},
	} {
		if got, err := ParseSecretRef(test.in); err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v", test.in, got, err)
		}
	}
	if got, _ := ParseSecretRef(secret); got.FriendlyName() != "db/main" {
		t.Errorf("friendly name %q", got.FriendlyName())
	}
	for _, in := range []string{"", "arn:aws:ssm", secret + ":password", secret + ":password:", secret + ":a:b:c:d", "arn:aws:s3:us-east-1:1:x", "arn:aws:ssm:r:1:document/x", "arn:aws:secretsmanager:r:1:secret:"} {
		if got, err := ParseSecretRef(in); err == nil {
			t.Errorf("%s: got %+v", in, got)
		}
	}
}
