package taskdef

import "strings"

var logDrivers = strings.Fields("json-file syslog journald gelf fluentd awslogs splunk awsfirelens")

// logging checks logConfiguration and firelensConfiguration (task-definition.md 4.9, 4.10, 7.7).
func (v *validator) logging(c *ContainerDefinition, path string) {
	if f := c.FirelensConfiguration; f != nil {
		at := path + ".firelensConfiguration"
		v.oneOf(at+".type", "firelens configuration type", f.Type, "fluentd", "fluentbit")
		if f.Type == "" { // our words
			v.client(at, "FirelensConfiguration.type should not be null or empty.")
		}
		if f.Options["config-file-type"] == "s3" && !validArn(f.Options["config-file-value"]) {
			v.client(at+".options", "Invalid arn syntax.")
		}
	}
	log := c.LogConfiguration
	if log == nil {
		return
	}
	at := path + ".logConfiguration"
	if log.LogDriver == "" { // our words
		v.client(at, "LogConfiguration.logDriver should not be null or empty.")
	}
	v.oneOf(at+".logDriver", "log driver", log.LogDriver, logDrivers...)
	switch log.LogDriver {
	case "awslogs":
		var missing []string
		for _, option := range []string{"awslogs-region", "awslogs-group"} {
			if log.Options[option] == "" {
				missing = append(missing, option)
			}
		}
		if missing != nil {
			v.client(at, "Log driver awslogs requires options: %s", strings.Join(missing, ", "))
		}
	case "awsfirelens":
		if v.td.LogRouter() == nil {
			v.client(at, "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be configured in one of the containers.")
		}
	}
	v.secrets(log.SecretOptions, at, "secretOptions")
}
