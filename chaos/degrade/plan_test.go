package degrade

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/*.txt anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s differs (-rewrite, if that is meant): %v\n%s", file, err, got)
	}
}

// TestPlans: the weather of a minute, by profile and seed. What a seed gave once it gives for ever.
func TestPlans(t *testing.T) {
	var out strings.Builder
	for _, p := range Profiles() {
		for _, seed := range []uint64{1, 2} {
			fmt.Fprintf(&out, "%s, seed %d\n", p.Name, seed)
			for _, w := range Plan(p, seed, time.Minute) {
				fmt.Fprintln(&out, w)
			}
		}
	}
	golden(t, "plans.txt", out.String())
}

// TestFlows: what becomes of ten chunks and of twenty datagrams that come in every 20 ms.
func TestFlows(t *testing.T) {
	var out strings.Builder
	for _, p := range Profiles() {
		fmt.Fprintf(&out, "%s: delays of chunks of 4,000 bytes and of datagrams of 200, in ms\n", p.Name)
		lines := newLines(&p, 1)
		stream, packets := newFlow(lines[There], 1, "tcp 0", 0, There), newFlow(lines[Back], 1, "udp 0", 0, Back)
		for i := range 10 {
			now := time.Duration(i) * 20 * time.Millisecond
			fmt.Fprintf(&out, " %.1f", ms(stream.chunk(now, 4000)-now))
		}
		fmt.Fprintln(&out)
		for i := range 20 {
			now := time.Duration(i) * 20 * time.Millisecond
			switch x := packets.datagram(now, 200); {
			case x.lost:
				fmt.Fprint(&out, " lost")
			case x.duplicated:
				fmt.Fprintf(&out, " %.1f+%.1f", ms(x.at-now), ms(x.again-now))
			default:
				fmt.Fprintf(&out, " %.1f", ms(x.at-now))
			}
		}
		fmt.Fprintln(&out)
	}
	golden(t, "flows.txt", out.String())
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// drawProfile draws one that is bad in every way at times.
func drawProfile(t *rapid.T) *Profile {
	span := func(name string) time.Duration {
		return time.Duration(rapid.IntRange(0, 300).Draw(t, name)) * time.Millisecond
	}
	spell := func(name string) Spell {
		if !rapid.Bool().Draw(t, name) {
			return Spell{}
		}
		return Spell{time.Millisecond, time.Millisecond + span("fair"), time.Millisecond, time.Millisecond + span("bad")}
	}
	return &Profile{
		Delay: span("delay"), Jitter: span("jitter"), Loss: rapid.Float64Range(0, 0.3).Draw(t, "loss"), Duplicate: 0.1, Reorder: 0.1, ReorderBy: span("by"),
		Bandwidth: rapid.IntRange(0, 1_000_000).Draw(t, "bandwidth"), Queue: span("queue"), Outage: spell("outage"), Clog: spell("clog"),
	}
}

// TestLaws holds the flows of a link against the plan, which knows nothing of traffic.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, seed := drawProfile(t), rapid.Uint64().Draw(t, "seed")
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		plan := Plan(*p, seed, 7*time.Second) // longer than all steps together
		bad := func(at time.Duration, d Direction, kinds ...string) bool {
			return slices.ContainsFunc(plan, func(w Window) bool {
				return w.From <= at && at < w.To && (w.Direction == d || w.Direction == Both) && slices.Contains(kinds, w.Kind)
			})
		}
		lines := newLines(p, seed)
		stream, packets := newFlow(lines[There], seed, "tcp", 0, There), newFlow(lines[There], seed, "udp", 0, There)
		now, last, sent := time.Duration(0), time.Duration(0), 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 100_000).Draw(t, "pause")) * time.Microsecond
			n := rapid.IntRange(1, 3000).Draw(t, "bytes")
			if rapid.Bool().Draw(t, "stream") {
				sent += n
				at := stream.chunk(now, n)
				if at < last || at < now+p.Delay || p.Bandwidth > 0 && at < time.Duration(float64(sent)/float64(p.Bandwidth)*1e9-1e3) {
					t.Fatalf("a chunk at %v comes out at %v, the one before at %v, %d bytes in all", now, at, last, sent)
				}
				last = at
				continue
			}
			x := packets.datagram(now, n)
			switch {
			case !x.lost:
				sent += n
				if most := p.Queue + p.Jitter + p.ReorderBy + p.Delay; p.Queue > 0 && p.Bandwidth == 0 && x.at-now > most || x.at < now+p.Delay {
					t.Fatalf("a datagram at %v comes out at %v", now, x.at)
				}
				if x.duplicated && x.again < now+p.Delay {
					t.Fatalf("a second datagram at %v comes out at %v", now, x.again)
				}
			case p.Loss == 0 && p.Queue == 0 && !bad(now, There, "outage") && lines[There].free <= now && !bad(now, There, "clog"):
				t.Fatalf("a datagram at %v is lost in fair weather", now)
			}
			if bad(now, There, "outage") && !bad(now, There, "clog") && lines[There].free <= now && !x.lost {
				t.Fatalf("a datagram at %v gets through an outage", now)
			}
		}
	})
}

func TestNamed(t *testing.T) {
	for _, p := range Profiles() {
		if q, err := Named(p.Name); err != nil || q.Name != p.Name || p.Check() != nil || p.About == "" {
			t.Errorf("%+v: %v, %v", p, err, p.Check())
		}
	}
	if _, err := Named("5g"); err == nil || !strings.Contains(err.Error(), "satellite") {
		t.Errorf("5g: %v", err)
	}
	for name, p := range map[string]Profile{
		"loss": {Loss: 1}, "negative": {Delay: -1}, "long": {Jitter: time.Hour}, "spell": {Outage: Spell{BadMax: time.Second}}, "bandwidth": {Bandwidth: -1},
	} {
		if p.Check() == nil {
			t.Errorf("%s: %+v is good", name, p)
		}
	}
}
