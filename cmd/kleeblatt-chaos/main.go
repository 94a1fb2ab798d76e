package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

// version is set by the linker for releases.
var version = "0.1-dev"

const usage = `usage: kleeblatt-chaos version

The simulator and its scenarios are not part of this version; version is the only command.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(words []string, out, complaints io.Writer) int {
	switch {
	case len(words) == 1 && words[0] == "version":
		fmt.Fprintf(out, "kleeblatt-chaos %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return 0
	case len(words) == 1 && (words[0] == "help" || words[0] == "--help" || words[0] == "-h"):
		fmt.Fprint(out, usage)
		return 0
	}
	fmt.Fprint(complaints, usage)
	return 2
}
