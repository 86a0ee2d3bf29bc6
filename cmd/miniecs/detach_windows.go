package main

import (
	"os/exec"
	"syscall"
)

// detach gives the process a group and no console of its own: the terminal's signals do not reach it.
func detach(cmd *exec.Cmd) {
	const detachedProcess = 0x00000008
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | detachedProcess}
}
