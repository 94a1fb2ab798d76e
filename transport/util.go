package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

const (
	// keepAlive is the silence after which the kernel asks whether the other host is still there.
	keepAlive = 60 * time.Second
	// keepAliveProbes unanswered, spread over as long again, end the connection.
	keepAliveProbes = 4
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// removeStale removes the file of a Unix socket that nobody listens on any more: what a killed process left.
func removeStale(path string) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return
	}
	os.Remove(path)
}
