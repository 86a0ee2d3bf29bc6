//go:build !windows

package main

import (
	"os/exec"
	"syscall"
)

// detach gives the process a session of its own: the terminal's signals do not reach it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
