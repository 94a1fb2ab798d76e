package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kleeblatt/chaos/netlab"
)

const partitionUsage = `usage: kleeblatt-chaos partition [--FLAG VALUE]…

Cuts real nodes off each other, kills and stops them, and judges what their clients saw. Needs Linux, root, iproute2 and nftables.

`

// partition cuts real processes off each other. Its first run makes the namespaces and starts the second one inside of them.
func partition(words []string, out, complaints io.Writer) int {
	cfg := netlab.Config{Lines: out}
	var summary string
	var strict bool
	flags := flag.NewFlagSet("partition", flag.ContinueOnError)
	flags.IntVar(&cfg.Cuts, "cuts", 5, "faults")
	flags.IntVar(&cfg.Nodes, "nodes", 5, "nodes")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "what the faults are drawn from")
	flags.Func("only", fmt.Sprintf("`KIND`s of faults, with commas, of %v", netlab.Kinds()), func(v string) error {
		for _, word := range strings.Split(v, ",") {
			if !slices.Contains(netlab.Kinds(), netlab.Kind(word)) {
				return fmt.Errorf("there is no fault %q", word)
			}
			cfg.Only = append(cfg.Only, netlab.Kind(word))
		}
		return nil
	})
	flags.StringVar(&cfg.Bin, "bin", besides("kleeblatt"), "the program that the nodes run")
	flags.StringVar(&cfg.Logs, "logs", "", "folder for the nodes' logs; they are kept anyway when something is wrong")
	flags.StringVar(&summary, "json", "", "file for the summary in JSON, instead of the last line")
	flags.BoolVar(&strict, "strict", false, "a missed goal is a failure too, like a broken promise")
	if status, ok := parseFlags(flags, words, partitionUsage, out, complaints); !ok {
		return status
	}
	if flags.NArg() > 0 || cfg.Cuts < 1 || cfg.Nodes < netlab.NodesMin || cfg.Nodes > netlab.NodesMax {
		fmt.Fprintf(complaints, "partition takes flags only, at least 1 cut and %d to %d nodes\n", netlab.NodesMin, netlab.NodesMax)
		return 2
	}
	if _, err := os.Stat(cfg.Bin); err != nil {
		fmt.Fprintf(complaints, "no program for the nodes: %v (make build; or --bin)\n", err)
		return 2
	}
	ctx, stop := netlab.Interrupted()
	defer stop()
	if !netlab.Inside() {
		status, err := netlab.Enter(ctx, out, complaints)
		if err != nil {
			fmt.Fprintln(complaints, err)
			return 1
		}
		return status
	}
	report, err := netlab.Run(ctx, cfg)
	if report != nil {
		report.Text(out)
		err = errors.Join(err, writeJSON(report, summary, out))
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
	}
	if err != nil || len(report.Violations) > 0 || strict && len(report.Missed()) > 0 {
		return 1
	}
	return 0
}

// besides is the path of a program in the folder of this one.
func besides(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}

func writeJSON(r *netlab.Report, file string, out io.Writer) error {
	if file == "" {
		return r.JSON(out)
	}
	var b bytes.Buffer
	return errors.Join(r.JSON(&b), os.WriteFile(file, b.Bytes(), 0o644))
}
