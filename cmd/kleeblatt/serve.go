package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"

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
	return node.Run(ctx, cfg, newLogger(cfg, io))
}

func newLogger(cfg config.Config, io stdio) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == config.JSON {
		return slog.New(slog.NewJSONHandler(io.err, options))
	}
	return slog.New(slog.NewTextHandler(io.err, options))
}
