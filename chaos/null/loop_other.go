//go:build !linux

package null

import (
	"context"
	"errors"
)

// Router is a null router that listens.
type Router struct{}

// Listen needs Linux.
func Listen(string) (*Router, error) { return nil, errors.New("the null router needs Linux (epoll)") }

// URL is where it listens.
func (*Router) URL() string { return "" }

// Serve serves until ctx ends.
func (*Router) Serve(context.Context) error { return nil }
