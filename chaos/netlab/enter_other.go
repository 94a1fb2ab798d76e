//go:build !linux

package netlab

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
)

// ErrUnable: the machine does not let us make namespaces or rules.
var ErrUnable = errors.New("no laboratory here")

// Inside is false: there is no inside.
func Inside() bool { return false }

// Able says why there can be no laboratory.
func Able() error { return errors.Join(ErrUnable, errors.New("network namespaces are Linux's")) }

// Enter says the same.
func Enter(context.Context, io.Writer, io.Writer) (int, error) { return 0, Able() }

// Run says the same.
func Run(context.Context, Config) (*Report, error) { return nil, Able() }

// Interrupted is a context that ends with Ctrl-C.
func Interrupted() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt)
}
