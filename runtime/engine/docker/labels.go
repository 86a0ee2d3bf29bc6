package docker

import (
	"maps"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/filters"

	"miniecs/runtime/engine"
)

// Labels. labelInstallation is on everything that we make; the com.amazonaws ones are those that the ECS agent sets
// (task-runtime.md 1.12), since log routers and people look for them.
const (
	labelInstallation = "miniecs"
	labelRole         = "miniecs.role"
	labelTask         = "miniecs.task"
	labelService      = "miniecs.service"
	labelToken        = "miniecs.token"

	labelTaskARN   = "com.amazonaws.ecs.task-arn"
	labelContainer = "com.amazonaws.ecs.container-name"
	labelFamily    = "com.amazonaws.ecs.task-definition-family"
	labelRevision  = "com.amazonaws.ecs.task-definition-version"
	labelCluster   = "com.amazonaws.ecs.cluster"
)

// Roles of what we make.
const (
	roleTask   = "task"
	rolePause  = "pause"
	roleHelper = "helper"
	roleVPC    = "vpc"
	roleVolume = "volume"
	roleImage  = "image"
)

// ours gives the labels of an object of ours in a role, over those of the user.
func (d *Docker) ours(role string, user map[string]string) map[string]string {
	labels := make(map[string]string, len(user)+8)
	maps.Copy(labels, user)
	labels[labelInstallation] = d.cfg.Installation
	labels[labelRole] = role
	return labels
}

// mine tells whether labels are those of an object of ours.
func (d *Docker) mine(labels map[string]string) bool {
	return labels[labelInstallation] == d.cfg.Installation
}

// filter selects objects of ours; role may be empty.
func (d *Docker) filter(role string) filters.Args {
	args := filters.NewArgs(filters.Arg("label", labelInstallation+"="+d.cfg.Installation))
	if role != "" {
		args.Add("label", labelRole+"="+role)
	}
	return args
}

// setOwner writes whose a container is.
func setOwner(labels map[string]string, o engine.Owner) {
	labels[labelTask] = o.Task
	labels[labelService] = o.Service
	labels[labelTaskARN] = o.TaskARN
	labels[labelContainer] = o.Container
	labels[labelFamily] = o.Family
	labels[labelRevision] = strconv.Itoa(o.Revision)
	labels[labelCluster] = o.Cluster
}

// ownerOf reads what setOwner wrote.
func ownerOf(labels map[string]string) engine.Owner {
	revision, _ := strconv.Atoi(labels[labelRevision])
	return engine.Owner{
		Cluster: labels[labelCluster], Service: labels[labelService], Task: labels[labelTask],
		TaskARN: labels[labelTaskARN], Family: labels[labelFamily], Revision: revision,
		Container: labels[labelContainer],
	}
}

// slug is the installation's id as it may stand in names of images and networks.
func (d *Docker) slug() string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return -1
	}, d.cfg.Installation)
}
