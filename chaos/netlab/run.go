//go:build linux

package netlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// startTime is for the first start of all nodes and clients.
	startTime = 60 * time.Second
	// healTime is when a run stops waiting for a cluster to heal.
	healTime = 60 * time.Second
	// faultTime bounds one fault with all that is measured around it.
	faultTime = longMax + healTime + 60*time.Second
	// goodOrder is what a run that is asked to end gets for it.
	goodOrder = 20 * time.Second
	// brokenMax is how many broken promises are kept: the first ones tell, and a run that breaks all of them has to end.
	brokenMax = 200
)

// lab is one run. Its fields are set before the clients begin, but for those under mu.
type lab struct {
	cfg       Config
	began     time.Time
	processes []*process
	seats     map[string][]*seat // role → by node
	books     *books             // the run's own goroutine
	alarms    uint64             // likewise: contradictions between tables that were told of
	uncounted uint64             // likewise: losses that no node has counted
	slow      []string           // likewise: calls under way whose failure was told later than it should be, of this fault
	report    *Report            // likewise, but for Violations
	probes    arrivals
	hangs     arrivals
	quiet     atomic.Bool // talkers and callers are done
	tokens    atomic.Uint64
	late      atomic.Int64 // the worst lateness of our own timers since it was last asked for, in nanoseconds
	clients   sync.WaitGroup

	mu      sync.Mutex
	ledger  *ledger
	windows []window // the faults so far
	strays  uint64
	fresh   map[*session][]freshRoute
	removed []string // procedures that nobody has any more, since the last check
}

// window is the time in which a fault may be felt.
type window struct {
	fault Fault
	began time.Duration
	ended time.Duration // when all was healed, 0 before
}

var errOutside = errors.New("a laboratory runs inside of its own namespaces only")

// Run carries out a plan in the namespaces that this process is the first one in. The error is for what kept it from being carried out; broken
// promises stand in the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if !Inside() {
		return nil, errOutside
	}
	ctx, cancel := context.WithTimeout(ctx, startTime+time.Duration(cfg.Cuts+1)*faultTime)
	defer cancel()
	dir, err := os.MkdirTemp("", "kleeblatt-netlab-")
	if err != nil {
		return nil, err
	}
	l := &lab{cfg: cfg, began: time.Now(), ledger: newLedger(), report: newReport(cfg.Seed, cfg.Nodes), fresh: map[*session][]freshRoute{}}
	err = l.run(ctx, dir)
	if cfg.Logs != "" || err != nil || len(l.report.Violations) > 0 {
		err = errors.Join(err, l.keepLogs(dir))
	}
	os.RemoveAll(dir)
	l.report.Took, l.report.Tally = time.Since(l.began), l.ledger.tally
	return l.report, err
}

func (l *lab) run(ctx context.Context, dir string) error {
	if err := l.build(dir); err != nil {
		return err
	}
	defer l.endProcesses()
	living, leave := context.WithCancel(ctx)
	defer l.clients.Wait()
	defer leave()
	if err := l.settleDown(ctx, living); err != nil {
		return err
	}
	l.spawn(func() { l.watchLateness(living) })
	for _, f := range Plan(l.cfg.Seed, l.cfg.Cuts, l.cfg.Nodes, l.cfg.Only) {
		if err := l.suffer(ctx, f); err != nil {
			return fmt.Errorf("fault %d (%v): %w", f.Number, &f, err)
		}
		l.report.Faults = append(l.report.Faults, f.Kind)
	}
	return l.reckon(ctx)
}

// build makes the network and the processes.
func (l *lab) build(dir string) error {
	if err := settleIn(); err != nil {
		return err
	}
	if err := buildNetwork(l.cfg.Nodes); err != nil {
		return err
	}
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("the cluster key of the laboratory"), 0o600); err != nil {
		return err
	}
	bin, err := filepath.Abs(l.cfg.Bin)
	if err != nil {
		return err
	}
	var names []string
	for i := range l.cfg.Nodes {
		p, err := newProcess(i, l.cfg.Nodes, bin, dir, key)
		if err != nil {
			return err
		}
		l.processes = append(l.processes, p)
		names = append(names, p.name)
	}
	l.books = newBooks(names)
	return nil
}

// settleDown starts everything and waits until all nodes know each other and all clients have their sessions.
func (l *lab) settleDown(ctx, living context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for _, p := range l.processes {
		if err := p.start(); err != nil {
			return err
		}
	}
	l.seats = map[string][]*seat{}
	for role, begin := range map[string]func(context.Context, *session) error{
		"listener": l.listener, "callee": l.callee, "prober": l.idle, "fresh": l.idle, "talker": l.talker, "caller": l.caller,
	} {
		for _, p := range l.processes {
			l.seats[role] = append(l.seats[role], &seat{lab: l, role: role, at: p, begin: begin})
		}
	}
	// Who listens and answers comes before who talks and asks.
	for _, roles := range [][]string{{"listener", "callee", "prober", "fresh"}, {"talker", "caller"}} {
		for _, role := range roles {
			for _, t := range l.seats[role] {
				l.spawn(func() { t.keep(living) })
			}
		}
		if err := l.awaitSeats(ctx, roles); err != nil {
			return err
		}
		if _, err := l.awaitTables(ctx); err != nil {
			return fmt.Errorf("the nodes do not find together: %w", err)
		}
	}
	return nil
}

func (l *lab) awaitSeats(ctx context.Context, roles []string) error {
	for _, role := range roles {
		for _, t := range l.seats[role] {
			for t.now.Load() == nil {
				if err := errors.Join(l.dead(), pause(ctx, redialPause)); err != nil {
					return fmt.Errorf("no %s at %s: %w", role, t.at.name, err)
				}
			}
		}
	}
	return nil
}

// spawn runs f on a goroutine that the run waits for.
func (l *lab) spawn(f func()) {
	l.clients.Add(1)
	go func() {
		defer l.clients.Done()
		f()
	}()
}

func (l *lab) now() time.Duration { return time.Since(l.began) }

// dead says which process has ended by itself.
func (l *lab) dead() (err error) {
	for _, p := range l.processes {
		err = errors.Join(err, p.dead())
	}
	return err
}

func (l *lab) endProcesses() {
	for _, p := range l.processes {
		if p.cmd != nil {
			p.kill()
		}
		p.log.Close()
	}
}

// judge does something with the ledger; what is wrong with it is a broken promise.
func (l *lab) judge(f func(g *ledger) string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wrong := f(l.ledger); wrong != "" {
		l.brokenLocked(wrong)
	}
}

// broken notes a broken promise.
func (l *lab) broken(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.brokenLocked(fmt.Sprintf(format, args...))
}

func (l *lab) brokenLocked(what string) {
	if len(l.report.Violations) < brokenMax {
		l.report.Violations = append(l.report.Violations, Violation{len(l.windows), what})
	}
}

// ends notes the end of a session.
func (l *lab) ends(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ledger.left(s.party)
	l.strays += s.Strays()
	delete(l.fresh, s)
}

// excused reports whether a call from i to j (that many nodes: to any) that began then may have failed.
func (l *lab) excused(i, j int, began time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range slices.Backward(l.windows) {
		if w.ended != 0 && w.ended < began {
			return false
		}
		if j == len(l.processes) || w.fault.Touches(i, j) || i == j && w.fault.has(i) {
			return true
		}
	}
	return false
}

func (l *lab) nameOf(j int) string {
	if j == len(l.processes) {
		return shared
	}
	return nodeName(j)
}

func (l *lab) token() string { return fmt.Sprint("t", l.tokens.Add(1)) }

// keepLogs moves the nodes' logs to where they stay, and says where that is.
func (l *lab) keepLogs(dir string) error {
	to := l.cfg.Logs
	if to == "" {
		var err error
		if to, err = os.MkdirTemp("", "kleeblatt-netlab-logs-"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, p := range l.processes {
		text, err := os.ReadFile(filepath.Join(dir, p.name+".log"))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, p.name+".log"), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(l.cfg.Lines, "the nodes' logs are in %s\n", to)
	return nil
}
