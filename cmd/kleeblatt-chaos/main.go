package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"kleeblatt/chaos"
	"kleeblatt/chaos/baseline"
)

// version is set by the linker for releases.
var version = "0.1-dev"

const usage = `usage: kleeblatt-chaos COMMAND

  sim        play whole clusters in virtual time, from seeds (sim --help)
  partition  cut real nodes off each other, kill and stop them (Linux, root; partition --help)
  node       run a node whose tables are replicated otherwise: by Raft (node --help)
  degrade    be a bad link before any node: 3G, Wi-Fi, satellite, a bad plug (degrade --help)
  null       run a router that understands nothing, the limit to measure against (Linux; null --help)
  run        run one scenario with one system, and write its raw file (run --help)
  evaluate   run the cells of the matrix, and make the report (evaluate --help)
  report     make a page and a text of raw files (report --help)
  image      make a container's image of the product, without a container engine (image --help)
  version    what this program is
`

// commands take the words that follow theirs, and return the exit status.
var commands = map[string]func(words []string, out, complaints io.Writer) int{
	"sim": chaos.Sim, "partition": partition, "node": baseline.Node, "degrade": degradeLink, "null": nullRouter,
	"run": runCell, "evaluate": evaluate, "report": makeReport, "image": imageArchive,
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(words []string, out, complaints io.Writer) int {
	if len(words) > 0 {
		if command := commands[words[0]]; command != nil {
			return command(words[1:], out, complaints)
		}
	}
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

// parseFlags reads a command's flags. Where it is not ok the command is over, with that status: help was asked for, or they are wrong.
func parseFlags(flags *flag.FlagSet, words []string, usage string, out, complaints io.Writer) (status int, ok bool) {
	flags.SetOutput(complaints)
	flags.Usage = func() {} // not for every mistake
	err := flags.Parse(words)
	switch {
	case err == nil:
		return 0, true
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		flags.SetOutput(out)
		flags.PrintDefaults()
		return 0, false
	}
	return 2, false
}
