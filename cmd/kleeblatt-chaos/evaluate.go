package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"kleeblatt/chaos/netlab"
	"kleeblatt/chaos/raw"
	"kleeblatt/chaos/scenario"
)

const evaluateUsage = `usage: kleeblatt-chaos evaluate --out DIR [--FLAG VALUE]…

Runs the cells of the matrix, one after the other, and makes the report. Cells whose raw file is there and complete, and of this
commit, are not run again: what was broken off goes on.

`

// evaluation is a run of many cells.
type evaluation struct {
	out   string
	self  string
	bound time.Duration
	lines io.Writer
	began time.Time
	gone  map[string]bool // systems that are not here
}

// evaluate runs the cells of the matrix.
func evaluate(words []string, out, complaints io.Writer) int {
	var full bool
	var only, systems string
	var repeats int
	e := evaluation{lines: out, began: time.Now(), gone: map[string]bool{}}
	flags := flag.NewFlagSet("evaluate", flag.ContinueOnError)
	flags.StringVar(&e.out, "out", "", "`DIR` for raw files and report")
	flags.BoolVar(&full, "full", false, "full length and repeats, instead of short runs")
	flags.StringVar(&only, "only", "", "`ID`s of scenarios, with commas (default all)")
	flags.StringVar(&systems, "systems", "", "`NAME`s of systems, with commas (default all)")
	flags.IntVar(&repeats, "repeats", 0, "runs of each cell (default 1 if short, else what the scenario says)")
	flags.DurationVar(&e.bound, "within", 0, "begin no further cell after that time (default none)")
	if status, ok := parseFlags(flags, words, evaluateUsage, out, complaints); !ok {
		return status
	}
	length := raw.Short
	if full {
		length = raw.Full
	}
	cells, err := scenario.Plan(length, commit(), repeats)
	if err == nil && (flags.NArg() > 0 || e.out == "" || repeats < 0) {
		err = errors.New("evaluate takes flags only, --out among them")
	}
	for _, id := range list(only) {
		if scenario.Find(id) == nil {
			err = fmt.Errorf("--only %s: there are %s", id, scenarioIDs())
		}
	}
	for _, name := range list(systems) {
		if !slices.ContainsFunc(cells, func(c scenario.Cell) bool { return c.System == name }) {
			err = errors.Join(err, fmt.Errorf("--systems %s: no scenario has it", name))
		}
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 2
	}
	cells = slices.DeleteFunc(cells, func(c scenario.Cell) bool {
		return only != "" && !slices.Contains(list(only), c.Spec.ID) || systems != "" && !slices.Contains(list(systems), c.System)
	})
	ctx, stop := netlab.Interrupted()
	defer stop()
	if e.self, err = os.Executable(); err == nil {
		err = e.run(ctx, cells)
	}
	if err := errors.Join(err, writeReport(e.out, "", "", out)); err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}

func list(words string) []string {
	if words == "" {
		return nil
	}
	return strings.Split(words, ",")
}

// run runs what is missing. A run that is void is told of, and is no reason to stop: its file says so too.
func (e *evaluation) run(ctx context.Context, cells []scenario.Cell) error {
	void := 0
	for i, c := range cells {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		head := fmt.Sprintf("%3d/%d  %-3s %-10s %d nodes, run %d", i+1, len(cells), c.Spec.ID, c.System, c.Nodes, c.Repeat)
		switch {
		case e.bound > 0 && time.Since(e.began) > e.bound:
			fmt.Fprintf(e.lines, "%s: the time is over\n", head)
			return nil
		case e.gone[c.System]:
			continue
		case c.Complete(e.out):
			fmt.Fprintf(e.lines, "%s: is there\n", head)
			continue
		}
		fmt.Fprintf(e.lines, "%s: %v … ", head, c.For)
		status, said := e.cell(ctx, c)
		switch status {
		case 0:
			fmt.Fprintf(e.lines, "%s  (%v so far)\n", e.digest(&c), time.Since(e.began).Round(time.Second))
		case statusMissing:
			fmt.Fprintf(e.lines, "left out: %s\n", said)
			e.gone[c.System] = !c.Spec.Network
		default:
			void++
			fmt.Fprintf(e.lines, "void: %s\n", said)
		}
	}
	if void > 0 {
		fmt.Fprintf(e.lines, "%d runs are void: their files say why, and they are run again the next time\n", void)
	}
	return nil
}

// cell runs one in a process of its own, so that it may live in other namespaces, on other processors, and leaves nothing behind.
func (e *evaluation) cell(ctx context.Context, c scenario.Cell) (status int, said string) {
	cmd := exec.CommandContext(ctx, e.self, "run", "--scenario", c.Spec.ID, "--system", c.System, "--nodes", fmt.Sprint(c.Nodes),
		"--seed", fmt.Sprint(c.Seed), "--repeat", fmt.Sprint(c.Repeat), "--length", c.Length, "--duration", c.For.String(), "--commit", c.Commit, "--out", e.out)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), strings.TrimSpace(complaints.String())
	}
	if err != nil {
		return 1, err.Error()
	}
	return 0, ""
}

// digestMax is how many figures of a run are told while it goes on.
const digestMax = 4

// digest is what came of a cell in a few words: its first figures but the cold start.
func (e *evaluation) digest(c *scenario.Cell) string {
	r, err := raw.Read(e.out + string(os.PathSeparator) + c.File())
	if err != nil {
		return err.Error()
	}
	var words []string
	for _, row := range r.Rows {
		if row.Kind == raw.Figure && !strings.HasPrefix(row.Name, "cold start") && len(words) < digestMax {
			words = append(words, strings.TrimSpace(fmt.Sprintf("%s %.4g %s", row.Name, row.Value, row.Unit)))
		}
	}
	return strings.Join(words, ", ")
}
