//go:build unix

package systems

import "syscall"

// ownGroup makes a process the first of a group.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends all that is left of a process's group.
func killGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }

func pauseGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGSTOP) }

func resumeGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGCONT) }
