//go:build !unix

package systems

import (
	"errors"
	"syscall"
)

// Where there are no process groups, a node is a process alone.
func ownGroup() *syscall.SysProcAttr { return nil }

func killGroup(int) {}

func pauseGroup(int) error { return errors.ErrUnsupported }

func resumeGroup(int) error { return errors.ErrUnsupported }
