package taskdef

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	nameRule     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	imageRule    = regexp.MustCompile(`^[A-Za-z0-9_:./#-]{1,255}$`)
	digestRule   = regexp.MustCompile(`^sha256:[a-fA-F0-9]{64}$`)
	portNameRule = regexp.MustCompile(`^[a-z0-9_][a-z0-9_-]{0,63}$`)
	tagRule      = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	ecrImage     = regexp.MustCompile(`^\d{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)/`)
	roleName     = regexp.MustCompile(`^[\w+=,.@/-]{1,512}$`)
	roleArn      = regexp.MustCompile(`^arn:[\w-]+:iam::[^:]+:role/.+$`)
)

// ValidName says whether s can be a family, or the name of a container or a volume:
// 1 to 255 letters, digits, hyphens and underscores.
func ValidName(s string) bool { return nameRule.MatchString(s) }

// ValidImage says whether s can be an image: at most 255 characters of letters, digits and - _ : . / #, and
// behind them, not counted, @sha256 and its 64 digits if it names a digest (task-definition.md 4.1).
func ValidImage(s string) bool {
	name, digest, hasDigest := strings.Cut(s, "@")
	return imageRule.MatchString(name) && (!hasDigest || digestRule.MatchString(digest))
}

// IsECRImage says whether an image is in a private ECR registry.
func IsECRImage(image string) bool { return ecrImage.MatchString(image) }

// validRole takes the ARN of a role or its short name. Which account it belongs to and whether it exists is
// not looked at: locally every role does.
func validRole(s string) bool {
	if strings.HasPrefix(s, "arn:") {
		return roleArn.MatchString(s)
	}
	return roleName.MatchString(s)
}

// validArn is the least that AWS wants of something that must be an ARN.
func validArn(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[1] != "" && parts[2] != "" && parts[5] != ""
}

// validTag checks the characters and lengths of task-definition.md 2; aws: is reserved in any case of letters.
func validTag(t Tag) bool {
	key, value := utf8.RuneCountInString(t.Key), utf8.RuneCountInString(t.Value)
	return key >= 1 && key <= 128 && value <= 256 && tagRule.MatchString(t.Key) && tagRule.MatchString(t.Value) &&
		!strings.HasPrefix(strings.ToLower(t.Key), "aws:")
}
