package runtime

import (
	"context"
	"strings"

	"miniecs/runtime/engine"
	"miniecs/taskdef"
)

// prepare makes what the task needs before its first container: its volumes (spec/task-runtime.md 2.5).
func (run *runner) prepare(ctx context.Context) error {
	for i := range run.def.Volumes {
		v := &run.def.Volumes[i]
		if hostPath(v) != "" {
			continue
		}
		vol := run.volume(v)
		if err := run.retry(ctx, func() error { return run.r.eng.CreateVolume(ctx, vol) }); err != nil {
			return &startError{"CannotCreateVolumeError", err.Error()}
		}
	}
	return nil
}

func hostPath(v *taskdef.Volume) string {
	if v.Host == nil {
		return ""
	}
	return v.Host.SourcePath
}

// volume is the engine's volume of a definition's: one of the task's own, or one that outlives it. File systems that
// a laptop has not (EFS, FSx) are local volumes by their id, kept across tasks.
func (run *runner) volume(v *taskdef.Volume) engine.Volume {
	d := v.DockerVolumeConfiguration
	switch {
	case d != nil && d.Scope == taskdef.ScopeShared:
		return engine.Volume{Name: v.Name, Driver: d.Driver, Options: d.DriverOpts, Labels: d.Labels}
	case v.EFSVolumeConfiguration != nil:
		e := v.EFSVolumeConfiguration
		name := "efs-" + e.FileSystemID
		if e.AuthorizationConfig != nil && e.AuthorizationConfig.AccessPointID != "" {
			name += "-" + e.AuthorizationConfig.AccessPointID
		}
		return engine.Volume{Name: name + pathName(e.RootDirectory)}
	case v.FSxWindowsFileServerVolumeConfiguration != nil:
		f := v.FSxWindowsFileServerVolumeConfiguration
		return engine.Volume{Name: "fsx-" + f.FileSystemID + pathName(f.RootDirectory)}
	case v.S3FilesVolumeConfiguration != nil:
		f := v.S3FilesVolumeConfiguration
		return engine.Volume{Name: "s3files-" + lastPart(f.FileSystemArn) + pathName(f.RootDirectory)}
	}
	vol := engine.Volume{Name: "ecs-" + run.id + "-" + v.Name, Task: run.id}
	if d != nil {
		vol.Driver, vol.Options, vol.Labels = d.Driver, d.DriverOpts, d.Labels
	}
	return vol
}

// pathName makes a path of a file system part of a volume's name.
func pathName(path string) string {
	path = strings.Trim(path, "/\\")
	if path == "" {
		return ""
	}
	return "-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, path)
}

func (run *runner) mounts(_ context.Context, def *taskdef.ContainerDefinition) ([]engine.Mount, error) {
	var out []engine.Mount
	for _, m := range def.MountPoints {
		for i := range run.def.Volumes {
			v := &run.def.Volumes[i]
			if v.Name != m.SourceVolume {
				continue
			}
			mount := engine.Mount{Target: m.ContainerPath, ReadOnly: taskdef.Value(m.ReadOnly), HostPath: hostPath(v)}
			if mount.HostPath == "" {
				mount.Volume = run.volume(v).Name
			}
			out = append(out, mount)
		}
	}
	return out, nil
}

// removeVolumes removes the task's own volumes; its containers are gone.
func (run *runner) removeVolumes(ctx context.Context) {
	for i := range run.def.Volumes {
		v := &run.def.Volumes[i]
		if hostPath(v) != "" {
			continue
		}
		if vol := run.volume(v); vol.Task != "" {
			if err := run.retry(ctx, func() error { return run.r.eng.RemoveVolume(ctx, vol.Name) }); err != nil {
				run.r.log.Warn().Err(err).Str("task", run.id).Str("volume", vol.Name).Msg("volume not removed")
			}
		}
	}
}
