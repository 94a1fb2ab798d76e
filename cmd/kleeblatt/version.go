package main

import (
	"context"
	"fmt"
	"runtime"

	"kleeblatt/internal/node"
)

var versionCommand = &command{
	name:    "version",
	summary: "print the version",
}

func init() { versionCommand.run = runVersion }

func runVersion(_ context.Context, words []string, io stdio) error {
	if rest, err := parse(versionCommand.flags(io), words); err != nil || len(rest) > 0 {
		if err == nil {
			err = usagef("version takes no words")
		}
		return err
	}
	fmt.Fprintf(io.out, "kleeblatt %s (%s, %s/%s)\n", node.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
