package main

import (
	"context"
	"fmt"
	"runtime"
)

// version is set by the linker for releases.
var version = "0.1-dev"

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
	fmt.Fprintf(io.out, "kleeblatt %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
