package taskdef

// compatibilities are the launch types that a definition could run on, whatever it asks for
// (task-definition.md 8.3). AWS's order is not stable; ours is one that AWS was seen to give.
func compatibilities(td *TaskDefinition) []string {
	list := []string{}
	if runsOnExternal(td) {
		list = append(list, External)
	}
	if td.EphemeralStorage == nil { // "the EC2 launch type do not support EphemeralStorage"
		list = append(list, EC2)
	}
	if runsOnManagedInstances(td) {
		list = append(list, ManagedInstances)
	}
	if len(fargateProblems(td)) == 0 {
		list = append(list, Fargate)
	}
	return list
}

func runsOnExternal(td *TaskDefinition) bool {
	if td.NetworkMode == NetworkModeAwsvpc || td.ProxyConfiguration != nil || td.EphemeralStorage != nil {
		return false
	}
	for _, v := range td.Volumes {
		if v.EFSVolumeConfiguration != nil || v.S3FilesVolumeConfiguration != nil ||
			v.FSxWindowsFileServerVolumeConfiguration != nil || Value(v.ConfiguredAtLaunch) {
			return false
		}
	}
	return true
}

func runsOnManagedInstances(td *TaskDefinition) bool {
	if td.NetworkMode != NetworkModeAwsvpc && td.NetworkMode != NetworkModeHost {
		return false
	}
	if td.CPU == nil || td.Memory == nil || td.Windows() {
		return false
	}
	for _, v := range td.Volumes {
		if v.DockerVolumeConfiguration != nil || v.FSxWindowsFileServerVolumeConfiguration != nil {
			return false
		}
	}
	for _, c := range td.ContainerDefinitions {
		if len(c.Links) > 0 {
			return false
		}
	}
	return true
}
