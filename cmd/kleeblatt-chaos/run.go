package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"kleeblatt/chaos/netlab"
	"kleeblatt/chaos/raw"
	"kleeblatt/chaos/scenario"
	"kleeblatt/chaos/systems"
)

const runUsage = `usage: kleeblatt-chaos run --scenario ID --system NAME [--nodes N] [--seed S] [--duration D] --out DIR [--FLAG VALUE]…

Runs one cell of the matrix and writes its raw file. A system is one of those that come with this program or a .yaml file of yours.

`

// The statuses of run beside 0, 1 and 2.
const statusMissing = 3 // the system, or what the scenario needs of the machine, is not here

// cellFlags are run's words.
type cellFlags struct {
	scenario string
	cell     scenario.Cell
	out      string
}

func (c *cellFlags) set() *flag.FlagSet {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.StringVar(&c.scenario, "scenario", "", "`ID`: "+scenarioIDs())
	flags.StringVar(&c.cell.System, "system", "", "`NAME`: "+strings.Join(systems.Names(), ", ")+", or a .yaml file")
	flags.IntVar(&c.cell.Nodes, "nodes", 0, "nodes (default the fewest of the scenario, or the only number that the system has)")
	flags.Uint64Var(&c.cell.Seed, "seed", 1, "what faults and the order of clients are drawn from")
	flags.DurationVar(&c.cell.For, "duration", 0, "of the load (default that of the length)")
	flags.StringVar(&c.out, "out", "", "`DIR` for the raw file")
	flags.StringVar(&c.cell.Length, "length", raw.Short, "short or full: how the run is labelled, and its duration")
	flags.IntVar(&c.cell.Repeat, "repeat", 1, "number of the run, from 1")
	flags.StringVar(&c.cell.Commit, "commit", "", "what was built (default what this program or the folder says)")
	flags.StringVar(&c.cell.Routers, "routers", "", "`PROCESSORS` of the nodes; this program is on others already")
	return flags
}

func scenarioIDs() string {
	var ids []string
	for _, s := range scenario.All {
		ids = append(ids, s.ID)
	}
	return strings.Join(ids, ", ")
}

// check completes the cell.
func (c *cellFlags) check() error {
	cell := &c.cell
	if cell.Spec = scenario.Find(c.scenario); cell.Spec == nil {
		return fmt.Errorf("--scenario %q: there are %s", c.scenario, scenarioIDs())
	}
	s, err := systems.Load(cell.System)
	switch {
	case err != nil:
		return err
	case c.out == "":
		return errors.New("--out names no folder")
	case cell.Length != raw.Short && cell.Length != raw.Full:
		return fmt.Errorf("--length %q: %s or %s", cell.Length, raw.Short, raw.Full)
	case cell.For < 0 || cell.Repeat < 1:
		return errors.New("--duration and --repeat are above 0")
	}
	if cell.Nodes == 0 {
		cell.Nodes = cell.Spec.Nodes[0]
		if s.Nodes > 0 {
			cell.Nodes = s.Nodes
		}
	}
	if cell.Nodes < 1 || cell.Nodes > systems.NodesMax || s.Nodes > 0 && cell.Nodes != s.Nodes {
		return fmt.Errorf("%s cannot have %d nodes", s.Name, cell.Nodes)
	}
	if cell.Spec.Network && !slices.Contains(cell.Spec.Nodes, cell.Nodes) { // its parts are of certain sizes
		return fmt.Errorf("%s is for %v nodes", cell.Spec.ID, cell.Spec.Nodes)
	}
	if cell.For == 0 {
		cell.For = cell.Spec.Duration(cell.Length)
	}
	if cell.Commit == "" {
		cell.Commit = commit()
	}
	return nil
}

// runCell runs one cell.
func runCell(words []string, out, complaints io.Writer) int {
	var c cellFlags
	flags := c.set()
	if status, ok := parseFlags(flags, words, runUsage, out, complaints); !ok {
		return status
	}
	err := c.check()
	if flags.NArg() > 0 {
		err = errors.New("run takes flags only")
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 2
	}
	ctx, stop := netlab.Interrupted()
	defer stop()
	if c.cell.Spec.Network && !netlab.Inside() {
		status, err := netlab.Enter(ctx, out, complaints)
		if err != nil {
			fmt.Fprintln(complaints, err)
			return statusMissing
		}
		return status
	}
	if err := c.pin(words); err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return c.run(ctx, out, complaints)
}

func (c *cellFlags) run(ctx context.Context, out, complaints io.Writer) int {
	began := time.Now()
	err := scenario.Run(ctx, c.cell, c.out)
	switch {
	case errors.Is(err, systems.ErrMissing):
		fmt.Fprintln(complaints, err)
		return statusMissing
	case err != nil:
		fmt.Fprintln(complaints, err)
		return 1
	}
	fmt.Fprintf(out, "%s: %s\n", c.cell.File(), time.Since(began).Round(time.Second))
	return 0
}

// pin starts this program again on all processors but the first, which are the nodes', where the scenario wants that and there are two.
func (c *cellFlags) pin(words []string) error {
	path, err := exec.LookPath("taskset")
	n := runtime.NumCPU()
	c.cell.Pinned = "nothing: nodes and clients share all processors"
	switch {
	case c.cell.Routers != "":
		c.cell.Pinned = "nodes on processor " + c.cell.Routers + ", clients on the others"
		return nil
	case !c.cell.Spec.Pinned || err != nil || n < 2:
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{path, "-c", fmt.Sprintf("1-%d", n-1), self, "run"}, words...)
	return syscall.Exec(path, append(args, "--routers", "0"), os.Environ())
}

// commit is what this program was built from, as far as it or git in this folder knows.
func commit() string {
	revision, dirty := "", false
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				dirty = s.Value == "true"
			}
		}
	}
	if revision == "" {
		text, err := exec.Command("git", "rev-parse", "HEAD").Output()
		if err != nil {
			return "unknown"
		}
		revision = strings.TrimSpace(string(text))
		changes, _ := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
		dirty = len(changes) > 0
	}
	revision = revision[:min(len(revision), 12)]
	if dirty {
		revision += " with changes"
	}
	return revision
}
