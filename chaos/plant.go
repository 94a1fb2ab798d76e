package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Plant plants each of the known bugs in a copy of the module and lets the simulator look for it. A bug is killed where a run breaks a promise,
// panics or does not end; it survives where all seeds pass, which the source as it is passes.

const (
	// mutantSeeds is how many runs look for one bug.
	mutantSeeds = 12
	// mutantRunMax is how long one run may take: many times what it takes, so that who comes to no end is found out.
	mutantRunMax = 45 * time.Second
	// seedsTriedMax bounds the search for seeds that the source as it is passes.
	seedsTriedMax = 40
)

// plantation is the work of Plant.
type plantation struct {
	root  string // of the module
	dir   string // where copies are made
	first uint64
	seeds []uint64        // those that look for every bug
	clean map[uint64]bool // what the source as it is makes of a seed: whether it passes
	calm  bool            // the source as it is passes the runs without faults, which look for every bug first
	out   io.Writer

	mu              sync.Mutex
	next            int
	killed, planted int
}

// Plant writes a line per bug, and at the end how many were killed of how many. It returns the exit status: 1 where one survived. only, if not
// empty, is a part of the file names, or of what is said of them, of those that are planted.
func Plant(root string, first uint64, workers int, only string, limit time.Duration, out io.Writer) int {
	dir, err := os.MkdirTemp("", "kleeblatt-mutants")
	if err != nil {
		fmt.Fprintln(out, err)
		return 2
	}
	defer os.RemoveAll(dir)
	if workers < 1 {
		workers = runtime.NumCPU()
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	p := &plantation{root: root, dir: dir, first: first, clean: map[uint64]bool{}, out: out}
	var chosen []mutant
	for _, m := range mutants {
		if strings.Contains(m.file+": "+m.breaks, only) {
			chosen = append(chosen, m)
		}
	}
	if err := p.findSeeds(ctx, chosen); err != nil {
		fmt.Fprintln(out, err)
		return 2
	}
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() { p.work(ctx, i, chosen) })
	}
	all.Wait()
	if missing := len(chosen) - p.planted; missing > 0 {
		fmt.Fprintf(out, "%d were not planted\n", missing)
	}
	fmt.Fprintf(out, "%d/%d\n", p.killed, p.planted)
	if p.killed < len(chosen) {
		return 1
	}
	return 0
}

// calmSeeds is how many runs without faults look for every bug: they are cheap, and some bugs show only where nothing excuses them.
const calmSeeds = "3"

// plantMax is how long Plant may take where nobody says.
const plantMax = 2 * time.Hour

// plantAll is the command sim --mutants.
func plantAll(seed uint64, workers int, parts []string, limit time.Duration, out, complaints io.Writer) int {
	root, err := moduleRoot()
	if err != nil || len(parts) > 1 {
		fmt.Fprintln(complaints, errors.Join(err, errors.New("one part of a file's name at most")))
		return 2
	}
	if limit == 0 {
		limit = plantMax
	}
	return Plant(root, seed, workers, strings.Join(parts, ""), limit, out)
}

// findSeeds looks for seeds that the source passes as it is.
func (p *plantation) findSeeds(ctx context.Context, chosen []mutant) error {
	tree := filepath.Join(p.dir, "as-it-is")
	if err := copyModule(p.root, tree); err != nil {
		return err
	}
	program, err := buildChaos(ctx, tree)
	if err != nil {
		return err
	}
	passes := func(seed uint64) bool {
		if _, known := p.clean[seed]; !known {
			why := play1(ctx, program, seed)
			if p.clean[seed] = why == ""; why != "" {
				fmt.Fprintf(p.out, "seed %d is of no use: the source as it is fails: %s\n", seed, why)
			}
		}
		return p.clean[seed]
	}
	for i := range chosen {
		for _, seed := range killers[chosen[i].breaks] {
			passes(seed)
		}
	}
	for seed := p.first; seed < p.first+seedsTriedMax && len(p.seeds) < mutantSeeds; seed++ {
		if passes(seed) {
			p.seeds = append(p.seeds, seed)
		}
	}
	if why := p.playCalm(ctx, program); why != "" {
		fmt.Fprintf(p.out, "no calm run is played: the source as it is fails: %s\n", why)
	} else {
		p.calm = true
	}
	if len(p.seeds) == 0 {
		return errors.New("the source as it is passes no seed")
	}
	return os.RemoveAll(tree)
}

func (p *plantation) work(ctx context.Context, worker int, chosen []mutant) {
	tree := filepath.Join(p.dir, fmt.Sprint("tree", worker))
	if err := copyModule(p.root, tree); err != nil {
		p.say("%v", err)
		return
	}
	for {
		p.mu.Lock()
		n := p.next
		p.next++
		p.mu.Unlock()
		if n >= len(chosen) || ctx.Err() != nil {
			return
		}
		m := &chosen[n]
		why, err := p.try(ctx, tree, m)
		switch {
		case ctx.Err() != nil && why == "":
			p.say("no time left %s: %s", m.file, m.breaks)
		case err != nil:
			p.say("not planted  %s: %s: %v", m.file, m.breaks, err)
		case why == "":
			p.count(0)
			p.say("SURVIVES     %s: %s", m.file, m.breaks)
		default:
			p.count(1)
			p.say("killed       %s: %s (%s)", m.file, m.breaks, why)
		}
	}
}

func (p *plantation) count(killed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.planted++
	p.killed += killed
}

func (p *plantation) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// try plants one bug, and says how it was found out: "" if it was not.
func (p *plantation) try(ctx context.Context, tree string, m *mutant) (why string, err error) {
	name := filepath.Join(tree, filepath.FromSlash(m.file))
	was, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	if n := bytes.Count(was, []byte(m.was)); n != 1 {
		return "", fmt.Errorf("its place is there %d times", n)
	}
	if err := os.WriteFile(name, bytes.Replace(was, []byte(m.was), []byte(m.is), 1), 0o644); err != nil {
		return "", err
	}
	defer os.WriteFile(name, was, 0o644)
	program, err := buildChaos(ctx, tree)
	if err != nil {
		return "", err
	}
	if p.calm {
		if why := p.playCalm(ctx, program); why != "" {
			return why, nil
		}
	}
	for _, seed := range p.seedsFor(m) {
		if why := play1(ctx, program, seed); why != "" {
			return why, nil
		}
	}
	return "", nil
}

// seedsFor is the seeds that look for a bug, those that have found it before first.
func (p *plantation) seedsFor(m *mutant) (list []uint64) {
	for _, seed := range killers[m.breaks] {
		if p.clean[seed] {
			list = append(list, seed)
		}
	}
	for _, seed := range p.seeds {
		if !slices.Contains(list, seed) {
			list = append(list, seed)
		}
	}
	return list
}

// buildChaos builds the simulator of a tree. Its paths are trimmed, so that all trees share what the build cache has.
func buildChaos(ctx context.Context, tree string) (program string, err error) {
	program = filepath.Join(tree, "kleeblatt-chaos.test")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "./cmd/kleeblatt-chaos")
	c.Dir = tree
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
}

// playCalm plays the runs without faults.
func (p *plantation) playCalm(ctx context.Context, program string) string {
	return play1(ctx, program, p.first, "--calm", "--seeds", calmSeeds)
}

// play1 plays one seed, or as more says, and tells what is wrong, "" for nothing.
func play1(ctx context.Context, program string, seed uint64, more ...string) string {
	limited, cancel := context.WithTimeout(ctx, mutantRunMax)
	defer cancel()
	args := append([]string{"sim", "--workers", "1", "--seed", fmt.Sprint(seed)}, more...)
	out, err := exec.CommandContext(limited, program, args...).CombinedOutput()
	switch {
	case err == nil, ctx.Err() != nil:
		return ""
	case limited.Err() != nil:
		return fmt.Sprintf("seed %d comes to no end", seed)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line[:min(len(line), 200)]
}

// copyModule copies the sources that a build of the module needs.
func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") || rel == "bin" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() || strings.HasSuffix(path, "_test.go") || strings.Contains(rel, "testdata") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o644)
	})
}

// moduleRoot is the folder of go.mod around the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, found := os.Stat(filepath.Join(dir, "go.mod")); found == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod here: the module's source is needed")
		}
		dir = up
	}
	return "", err
}
