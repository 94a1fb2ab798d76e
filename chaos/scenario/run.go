package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kleeblatt/chaos/netlab"
	"kleeblatt/chaos/raw"
	"kleeblatt/chaos/systems"
)

// Cell is what is run once.
type Cell struct {
	Spec    *Spec
	System  string // a name, or a file that ends in .yaml
	Nodes   int
	Seed    uint64
	Repeat  int // from 1
	Length  string
	For     time.Duration
	Commit  string
	Pinned  string // in words
	Routers string // the processors that nodes have, as taskset takes them; "": all
}

// File is the name of the cell's raw file.
func (c *Cell) File() string {
	name := strings.TrimSuffix(filepath.Base(c.System), ".yaml")
	return fmt.Sprintf("%s-%s-n%d-%s-r%d.jsonl", c.Spec.ID, name, c.Nodes, c.Length, c.Repeat)
}

// Complete reports whether a folder has the cell's file, and that of a run that was carried out on this commit.
func (c *Cell) Complete(dir string) bool {
	r, err := raw.Read(filepath.Join(dir, c.File()))
	return err == nil && r.Counts() && r.Header.Commit == c.Commit && r.Header.Seed == c.Seed && r.Header.Seconds == c.For.Seconds()
}

const (
	// settleTime bounds the start of a cluster, until every node has its part in it.
	settleTime = 60 * time.Second
	// runMore bounds what a run takes in addition to its load.
	runMore = 90 * time.Second
)

// Run runs a cell, and writes its raw file into dir. The error is [systems.ErrMissing] where the system is not on this machine, and
// [ErrVoid] where the run does not count, which its file says too.
func Run(ctx context.Context, c Cell, dir string) (err error) {
	s, err := systems.Load(c.System)
	if err != nil {
		return err
	}
	if err := s.Find(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime+c.For+runMore)
	defer cancel()
	home, err := os.MkdirTemp("", "kleeblatt-scenario-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	w, err := raw.Create(filepath.Join(dir, c.File()), raw.Header{
		Scenario: c.Spec.ID, System: s.Name, About: s.About, Version: s.What(), Commit: c.Commit, Nodes: c.Nodes, Seed: c.Seed, Repeat: c.Repeat,
		Length: c.Length, Seconds: c.For.Seconds(), Began: time.Now().UTC().Truncate(time.Second), Offered: c.Spec.Offered, Pinned: c.Pinned,
		Machine: thisMachine(),
	})
	if err != nil {
		return err
	}
	l := &lab{cell: c, system: s, raw: w, began: time.Now(), home: home}
	l.figure("load average before the run", loadAverage(), "", thisMachine().Processors)
	if err = l.start(ctx); err == nil {
		err = c.Spec.run(ctx, l)
	}
	l.stop()
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), err, w.Break())
	}
	if err == nil {
		crashed := 0.0
		if l.cluster.Crashed() >= 0 {
			crashed = 1
		}
		l.figure("a node ended by itself", crashed, "", c.Nodes)
		err = l.judge()
	}
	if err != nil {
		keepLogs(home, dir, c.File())
		return errors.Join(fmt.Errorf("%w: %w", ErrVoid, err), w.End(err.Error()))
	}
	return w.End("")
}

// ErrVoid says that a run does not count.
var ErrVoid = errors.New("the run is void")

// keepLogs copies the nodes' logs of a run that does not count to where its file is.
func keepLogs(home, dir, file string) {
	logs, _ := filepath.Glob(filepath.Join(home, "*", "log"))
	for _, from := range logs {
		in, err := os.Open(from)
		if err != nil {
			continue
		}
		to := filepath.Join(dir, strings.TrimSuffix(file, ".jsonl")+"."+filepath.Base(filepath.Dir(from))+".log")
		if out, err := os.Create(to); err == nil {
			io.Copy(out, io.LimitReader(in, logMax))
			out.Close()
		}
		in.Close()
	}
}

// logMax is what is kept of a node's log.
const logMax = 1 << 20

// network is what a scenario has that cuts; nil for loopback.
type network = netlab.Network
