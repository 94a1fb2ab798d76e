//go:build !linux

package netlab

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
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

// Network is Linux's too.
type Network struct{}

// NewNetwork says so.
func NewNetwork(int) (*Network, error) { return nil, Able() }

// Host is nowhere.
func (*Network) Host(int) string { return "" }

// Start says what NewNetwork says, like those that follow.
func (*Network) Start(int, *exec.Cmd) error { return Able() }

// Cut cuts nothing.
func (*Network) Cut(...[]int) error { return Able() }

// Mend mends nothing.
func (*Network) Mend() error { return Able() }
