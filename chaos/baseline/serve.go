package baseline

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
)

const usage = `usage: kleeblatt-chaos node [--tables KIND] [--voters 3|5] [--status HOST:PORT] [OPTION]…

Runs one node with the options of "kleeblatt serve", but with the subscriptions and registrations replicated by another protocol.
A node without --join founds the cluster. The log's port stands beside that of gossip and is told to the others by membership.
With Raft, --status answers at /settled?nodes=N: 200 once somebody leads and all have votes that are to have them in a cluster of N.

`

// Config says how a node replicates its tables.
type Config struct {
	Tables string        // gossip, raft, raft-lan or raft-paper
	Voters int           // 3 or 5
	Bound  time.Duration // that a SUBSCRIBE or REGISTER waits for the log; 0: 5 s
	Status string        // host:port where HTTP asks who votes; "": nowhere
}

// Start brings up a node.
func Start(c Config, cfg config.Config, log *slog.Logger) (*node.Node, error) {
	st, err := styleOf(c.Tables)
	if err != nil {
		return nil, err
	}
	if c.Voters != 3 && c.Voters != 5 {
		return nil, fmt.Errorf("--voters %d: 3 or 5", c.Voters)
	}
	if st == nil {
		return node.Start(cfg, log)
	}
	return c.start(st, cfg, log, func(*replicator) {})
}

// start brings up a node of that style; its replicator is shown before the node runs.
func (c Config) start(st *style, cfg config.Config, log *slog.Logger, show func(*replicator)) (*node.Node, error) {
	if c.Bound == 0 {
		c.Bound = proposeTimeout
	}
	return node.StartWith(cfg, log, node.Options{
		Replicator: func(rc node.ReplicatorConfig) (node.Replicator, string, error) {
			r, tag, err := newReplicator(c, *st, rc)
			if err != nil {
				return nil, "", err
			}
			show(r)
			return r, tag, nil
		},
	})
}

func newReplicator(c Config, st style, rc node.ReplicatorConfig) (*replicator, string, error) {
	host, _, err := net.SplitHostPort(rc.Gossip)
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		return nil, "", fmt.Errorf("--gossip %q: with --tables %s an address that the others can dial", rc.Gossip, c.Tables)
	}
	l, err := openLog(host, rc.Name, rc.Epoch, rc.Founds, st, rc.Log)
	if err != nil {
		return nil, "", err
	}
	r := &replicator{
		name: rc.Name, epoch: rc.Epoch, host: rc.Host, log: rc.Log, bound: c.Bound, style: st, founds: rc.Founds, voters: c.Voters, journal: l,
		table: newTable(), members: map[string]member{}, shown: map[string]bool{}, flood: map[string]int{}, want: map[string]struct{}{},
		started: time.Now(),
	}
	l.home, l.take, l.reset, l.table = rc.Host.Do, r.committed, r.reset, func() *table { return r.table }
	if err := l.start(); err != nil {
		return nil, "", err
	}
	l.group.Go(func() { r.tickAll(l.ctx) })
	if c.Status != "" {
		if err := l.serveStatus(c.Status, c.Voters); err != nil {
			l.close()
			return nil, "", err
		}
	}
	return r, l.self.tag(), nil
}

// tickAll makes the home loop tick until the end.
func (r *replicator) tickAll(ctx context.Context) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			r.host.Do(func() { r.tick(now) })
		case <-ctx.Done():
			return
		}
	}
}

// Node is the command: it runs a node until it is interrupted. It returns the exit status.
func Node(words []string, out, complaints io.Writer) int {
	c := Config{Tables: "raft", Voters: 3}
	rest, err := c.words(words)
	var cfg config.Config
	if err == nil {
		cfg, err = config.Parse(rest)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		for _, name := range styleNames() {
			about := "the product's own tables"
			if st, _ := styleOf(name); st != nil {
				about = st.about
			}
			fmt.Fprintf(out, "  --tables %-11s %s\n", name, about)
		}
		return 0
	case err != nil:
		fmt.Fprintln(complaints, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(complaints, &slog.HandlerOptions{Level: cfg.LogLevel}))
	n, err := Start(c, cfg, log)
	if err == nil {
		err = n.Serve(ctx)
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}

// words takes our own options out of the node's.
func (c *Config) words(words []string) (rest []string, err error) {
	for i := 0; i < len(words); i++ {
		name, value, joined := strings.Cut(words[i], "=")
		if name != "--tables" && name != "--voters" && name != "--status" {
			rest = append(rest, words[i])
			continue
		}
		if !joined {
			if i++; i == len(words) {
				return nil, fmt.Errorf("%s needs a value", name)
			}
			value = words[i]
		}
		if name == "--tables" {
			c.Tables = value
		} else if name == "--status" {
			c.Status = value
		} else if c.Voters, err = strconv.Atoi(value); err != nil {
			return nil, fmt.Errorf("--voters %s: 3 or 5", value)
		}
	}
	return rest, nil
}
