package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
)

var serveCommand = &command{
	name:    "serve",
	args:    "[--config FILE] [OPTION]…",
	summary: "run a node of the router",
}

func init() { serveCommand.run = runServe }

func runServe(ctx context.Context, words []string, io stdio) error {
	cfg, err := config.Parse(words)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(io.out, "usage: kleeblatt serve %s\n\n%s\n\n", serveCommand.args, serveCommand.summary)
		config.Usage(io.out)
		return nil
	case err != nil:
		return &usageError{err.Error()}
	}
	return node.Run(ctx, cfg, newLogger(cfg, io.err))
}
