package chaos

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"
)

// simUsage explains the words of Sim.
const simUsage = `usage: kleeblatt-chaos sim [--seed N] [--seeds K] [--nodes N] [--duration D] [--mode safety|liveness|both] [--calm] [--workers W] [--for D] [--stats] [--enough] [-v]
       kleeblatt-chaos sim --mutants [PART] [--seed N] [--workers W] [--for D]

Plays whole clusters in virtual time, one per seed, and prints a line for each seed whose run broke a promise. Ctrl-C begins no
further run; a second one ends at once.
  --seed N      the first seed (default 1)
  --seeds K     how many (default 1, or no limit with --for)
  --nodes N     nodes per run, 3 to 20 (default: drawn)
  --duration D  simulated time of a run (default 2m30s)
  --mode M      safety, liveness or both: drawn (default both)
  --calm        no faults
  --workers W   runs at a time (default 2)
  --for D       begin no run after this time
  --stats       print all counters
  --enough      fail where the runs were too few or too quiet to prove anything
  --mutants     plant known bugs in copies of the source, one at a time (those whose file or description has PART, if given), and
                print for each whether it was found, and at the end how many of how many
  -v            print what happens (one seed)
`

// batch is the work of one command.
type batch struct {
	options Options
	seeds   uint64 // 0: no limit
	until   time.Time
	ctx     context.Context // over: no further run begins

	progress io.Writer
	began    time.Time
	said     time.Time // when progress was last told

	mu         sync.Mutex
	next, last uint64
	results    map[uint64]Result // that wait for the ones before them
	total      Counters
	violations int
	simulated  time.Duration
	digest     uint64
	out        io.Writer
	command    string // that replays, without the seed
}

// Sim is the command sim. It returns the exit status: 1 where a promise was broken, 2 for wrong words.
func Sim(words []string, out, complaints io.Writer) int {
	f := flag.NewFlagSet("sim", flag.ContinueOnError)
	f.SetOutput(complaints)
	f.Usage = func() {}
	seed := f.Uint64("seed", 1, "")
	seeds := f.Uint64("seeds", 0, "")
	nodes := f.Int("nodes", 0, "")
	duration := f.Duration("duration", DefaultDuration, "")
	mode := f.String("mode", "both", "")
	workers := f.Int("workers", 2, "")
	limit := f.Duration("for", 0, "")
	calm := f.Bool("calm", false, "")
	stats := f.Bool("stats", false, "")
	enough := f.Bool("enough", false, "")
	verbose := f.Bool("v", false, "")
	plant := f.Bool("mutants", false, "")
	if err := f.Parse(words); err != nil {
		if err == flag.ErrHelp {
			fmt.Fprint(out, simUsage)
			return 0
		}
		fmt.Fprint(complaints, simUsage)
		return 2
	}
	if *plant {
		return plantAll(*seed, *workers, f.Args(), *limit, out, complaints)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)
	now := time.Now()
	b := &batch{out: out, progress: complaints, ctx: ctx, began: now, said: now, next: *seed, seeds: *seeds, results: map[uint64]Result{}}
	b.options = Options{Nodes: *nodes, Duration: *duration, Mode: Mode(*mode), Calm: *calm}
	switch {
	case f.NArg() > 0 || *workers < 1 || *duration < time.Second || *nodes != 0 && (*nodes < 3 || *nodes > nodesMax):
		fmt.Fprint(complaints, simUsage)
		return 2
	case *mode == "both":
		b.options.Mode = ""
	case *mode != string(Safety) && *mode != string(Liveness):
		fmt.Fprint(complaints, simUsage)
		return 2
	}
	if *limit > 0 {
		b.until = time.Now().Add(*limit)
	} else if b.seeds == 0 {
		b.seeds = 1
	}
	if *verbose {
		b.options.Trace, b.seeds, *workers = out, 1, 1
	}
	b.command = "kleeblatt-chaos sim"
	for _, name := range []string{"nodes", "duration", "mode", "calm"} {
		f.Visit(func(x *flag.Flag) {
			if x.Name == name {
				b.command += fmt.Sprintf(" --%s=%s", x.Name, x.Value)
			}
		})
	}
	b.run(*seed, *workers)
	b.summary(*stats)
	status := 0
	if b.violations > 0 {
		status = 1
	}
	if *enough {
		for _, text := range b.total.lacking(b.simulated) {
			fmt.Fprintln(out, "not enough:", text)
			status = 1
		}
	}
	return status
}

// run plays all seeds, some at a time, and takes their results in order.
func (b *batch) run(first uint64, workers int) {
	b.last = first
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for seed, ok := b.take(first); ok; seed, ok = b.take(first) {
				o := b.options
				o.Seed = seed
				b.done(NewWorld(o).Run())
			}
		})
	}
	all.Wait()
}

func (b *batch) take(first uint64) (seed uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() != nil || b.seeds != 0 && b.next-first >= b.seeds || !b.until.IsZero() && time.Now().After(b.until) {
		return 0, false
	}
	b.next++
	return b.next - 1, true
}

func (b *batch) done(r Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results[r.Seed] = r
	defer b.tell()
	for {
		r, ok := b.results[b.last]
		if !ok {
			return
		}
		delete(b.results, b.last)
		b.last++
		b.digest = mix(b.digest ^ r.Digest)
		b.violations += len(r.Violations)
		b.simulated += r.Simulated
		b.total.add(&r.Count)
		if len(r.Violations) > 0 {
			fmt.Fprintf(b.out, "seed %d (%s, %d nodes): %s (replay: %s --seed %d)\n", r.Seed, r.Mode, r.Nodes, r.Violations[0], b.command, r.Seed)
			for _, v := range r.Violations[1:] {
				if b.options.Trace != nil {
					fmt.Fprintln(b.out, "  ", v)
				}
			}
		}
	}
}

// tellEvery is how often a long batch says how far it is.
const tellEvery = time.Minute

func (b *batch) tell() {
	now := time.Now()
	if now.Sub(b.said) < tellEvery {
		return
	}
	b.said = now
	fmt.Fprintf(b.progress, "%v: %d runs, the last of seed %d, %d violations, %.1f simulated hours\n",
		now.Sub(b.began).Round(time.Second), b.total.Runs, b.last-1, b.violations, b.simulated.Hours())
}

func (b *batch) summary(stats bool) {
	if stats {
		b.total.print(b.out)
	}
	fmt.Fprintf(b.out, "%d runs, %d violations, %.1f simulated hours, %d partitions, %d crashes, %d events, digest %016x\n",
		b.total.Runs, b.violations, b.simulated.Hours(), b.total.Partitions, b.total.Crashes, b.total.Events, b.digest)
}
