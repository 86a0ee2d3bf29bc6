// Package ids makes the identifiers that ECS and Elastic Load Balancing give to what they create,
// in AWS's own forms (ecs-control-plane.md 0.2, alb.md 5.2). All of them come from crypto/rand.
package ids

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// DeploymentPrefix begins the id of a deployment, which is also `startedBy` of its tasks.
const DeploymentPrefix = "ecs-svc/"

// urlSafe is the alphabet of service deployment ids: 64 characters, so that six random bits choose one.
const urlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Task returns the id of a task: 32 lower-case hexadecimal digits.
func Task() string { return randomHex(16) }

// ContainerInstance returns the id of a container instance, which has the form of a task's.
func ContainerInstance() string { return randomHex(16) }

// UUID returns a random (version 4) UUID: containers, attachments and requests have such ids.
func UUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40 // version 4
	b[8] = b[8]&0x3f | 0x80 // the variant of RFC 9562
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// Deployment returns the id of a service's deployment: "ecs-svc/" and 19 decimal digits. The digits
// alone are the id of the service revision that it rolls out: see RevisionOf.
func Deployment() string { return DeploymentPrefix + digits(19) }

// RevisionOf returns the id of the service revision that belongs to a deployment.
func RevisionOf(deployment string) string { return strings.TrimPrefix(deployment, DeploymentPrefix) }

// ServiceDeployment returns the id of a service deployment: 21 URL-safe characters. The first is never
// a sign, so that the id can be typed on a command line without being taken for an option.
func ServiceDeployment() string {
	var raw [21]byte
	rand.Read(raw[:])
	for i, b := range raw {
		n := b % 64
		if i == 0 && n >= 62 {
			n -= 62
		}
		raw[i] = urlSafe[n]
	}
	return string(raw[:])
}

// ELB returns the last part of the ARN of a load balancer, target group, listener or rule: 16
// lower-case hexadecimal digits.
func ELB() string { return randomHex(8) }

// ELBName returns the ten digits that make a load balancer's DNS name unique: NAME-DIGITS.REGION.elb...
func ELBName() string { return digits(10) }

// EC2 returns an id of the kind EC2 gives: the prefix ("eni", "i", "subnet"), a hyphen and 17
// hexadecimal digits, of which the first is 0 as on AWS.
func EC2(prefix string) string { return prefix + "-0" + randomHex(8) }

// Hex returns n random bytes as 2n lower-case hexadecimal digits.
func Hex(n int) string { return randomHex(n) }

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// digits returns n random decimal digits, zero-padded: AWS's deployment ids may begin with zeros.
func digits(n int) string {
	var b strings.Builder
	for b.Len() < n {
		var raw [8]byte
		rand.Read(raw[:])
		for _, x := range raw {
			if x < 250 && b.Len() < n { // 250 is the last multiple of ten: no digit is favoured
				fmt.Fprintf(&b, "%d", x%10)
			}
		}
	}
	return b.String()
}
