//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup gives the process a group of its own, out of reach of the terminal's Ctrl-C.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// askToEnd asks a process to end in good order.
func askToEnd(p *os.Process) { p.Signal(syscall.SIGTERM) }

// killGroup makes the end of the command's context kill its children too.
func killGroup(cmd *exec.Cmd) {
	ownGroup(cmd)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
