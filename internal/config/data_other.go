//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package config

import "os"

// lockDir opens the file only: where there is no flock, two processes in one directory are told apart by the cluster.
func lockDir(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) }

// syncDir does nothing: these systems do not open directories.
func syncDir(string) error { return nil }
