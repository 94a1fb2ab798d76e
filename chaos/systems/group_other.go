//go:build !unix

package systems

import "syscall"

// Where there are no process groups, a node is a process alone.
func ownGroup() *syscall.SysProcAttr { return nil }

func killGroup(int) {}
