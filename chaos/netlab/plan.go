package netlab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

const (
	Split   Kind = "split"   // two sides that hear nothing of each other
	Isolate Kind = "isolate" // one node alone
	Pair    Kind = "pair"    // two nodes that do not reach each other, while all others reach both
	OneWay  Kind = "oneway"  // one side's packets do not arrive on the other one
	Flap    Kind = "flap"    // one node alone, and not, several times
	KillOne Kind = "kill"    // kill -9, later a new start
	StopOne Kind = "stop"    // SIGSTOP, later SIGCONT
	NoUDP   Kind = "noudp"   // membership is cut, links are not
	NoTCP   Kind = "notcp"   // links are cut, membership is not
	Long    Kind = "long"    // a split that is longer than links keep what they could not send
)

// deck is what is drawn from, each once before any comes again, so that a short run sees different faults. Long ones are dealt by Plan.
var deck = []Kind{Split, Isolate, Pair, OneWay, Flap, KillOne, StopOne, NoUDP, NoTCP}

const (
	// shortest and longest time of a fault. Membership gives a node up after 5 to 7 s, so some faults end before and some after.
	shortest, longest = time.Second, 9 * time.Second
	// longMin and longMax are beyond the 30 s of a link's window.
	longMin, longMax = 33 * time.Second, 38 * time.Second
	// longEvery is how many other faults there are for each long one: it takes as much time as ten of them.
	longEvery = 24
	// flapMin and flapMax bound each phase of a flapping cut; flapsMax is how often it comes.
	flapMin, flapMax = 200 * time.Millisecond, 2500 * time.Millisecond
	flapsMin         = 3
	flapsMax         = 6
	// downMin and downMax is how long a killed process stays away.
	downMin, downMax = 200 * time.Millisecond, 4 * time.Second
)

// Fault is one of a plan. Nodes count from 0.
type Fault struct {
	Number int // from 1
	Kind   Kind
	Side   []int           // one side of the cut, or the one node that it is about; the other side is all others
	Other  int             // of Pair: the second node
	Phases []time.Duration // cut, mended, cut, …: an odd number of them
}

// Kinds are all there are.
func Kinds() []Kind { return append(slices.Clone(deck), Long) }

// Plan draws cuts faults for that many nodes, of these kinds, nil for a mixture of all. The same words give the same plan.
func Plan(seed uint64, cuts, nodes int, only []Kind) []Fault {
	r := rand.New(rand.NewPCG(seed, 0x6b6c6565626c6174))
	cards := only
	if len(only) == 0 {
		cards = deck
	}
	var faults []Fault
	var left []Kind
	for n := 1; n <= cuts; n++ {
		f := Fault{Number: n, Kind: Long}
		if n%(longEvery+1) != 0 || len(only) > 0 {
			if len(left) == 0 {
				left = slices.Clone(cards)
				r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
			}
			f.Kind, left = left[0], left[1:]
		}
		f.draw(r, nodes)
		faults = append(faults, f)
	}
	return faults
}

// draw fills in who and how long.
func (f *Fault) draw(r *rand.Rand, nodes int) {
	order := r.Perm(nodes)
	f.Side = order[:1]
	f.Phases = []time.Duration{between(r, shortest, longest)}
	switch f.Kind {
	case Split, OneWay, NoUDP, NoTCP:
		f.Side = order[:1+r.IntN(nodes-1)]
	case Long:
		f.Side = order[:1+r.IntN(nodes-1)]
		f.Phases = []time.Duration{between(r, longMin, longMax)}
	case Pair:
		f.Other = order[1]
	case KillOne:
		f.Phases = []time.Duration{between(r, downMin, downMax)}
	case Flap:
		f.Phases = f.Phases[:0]
		for range 2*(flapsMin+r.IntN(flapsMax-flapsMin+1)) - 1 {
			f.Phases = append(f.Phases, between(r, flapMin, flapMax))
		}
	}
	slices.Sort(f.Side)
}

func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return (low + time.Duration(r.Int64N(int64(high-low)))).Round(time.Millisecond)
}

// Lasts is the time from its begin to its end.
func (f *Fault) Lasts() (sum time.Duration) {
	for _, p := range f.Phases {
		sum += p
	}
	return sum
}

func (f *Fault) String() string {
	var who []string
	for _, n := range f.Side {
		who = append(who, nodeName(n))
	}
	s := fmt.Sprintf("%-7s %s", f.Kind, strings.Join(who, "+"))
	if f.Kind == Pair {
		s += "/" + nodeName(f.Other)
	}
	return s
}

func nodeName(i int) string { return fmt.Sprint("n", i+1) }

// Cut says that packets from one node to another are dropped.
type Cut struct {
	From, To int
	What     Traffic
}

// Traffic is what of it.
type Traffic string

const (
	All Traffic = "all"
	UDP Traffic = "udp"
	TCP Traffic = "tcp"
)

// Cuts are those that the fault makes on the bridge: none where it is a process that something happens to.
func (f *Fault) Cuts(nodes int) (cuts []Cut) {
	what := All
	switch f.Kind {
	case KillOne, StopOne:
		return nil
	case Pair:
		return []Cut{{f.Side[0], f.Other, All}, {f.Other, f.Side[0], All}}
	case NoUDP:
		what = UDP
	case NoTCP:
		what = TCP
	}
	for _, a := range f.Side {
		for b := range nodes {
			if slices.Contains(f.Side, b) {
				continue
			}
			cuts = append(cuts, Cut{a, b, what})
			if f.Kind != OneWay {
				cuts = append(cuts, Cut{b, a, what})
			}
		}
	}
	return cuts
}

// Touches reports whether the fault stands between two different nodes: only their calls may fail, only their messages be late.
func (f *Fault) Touches(i, j int) bool {
	if f.Kind == Pair {
		return f.has(i) && f.has(j)
	}
	return f.has(i) != f.has(j)
}

func (f *Fault) has(i int) bool {
	return slices.Contains(f.Side, i) || f.Kind == Pair && i == f.Other
}

// Severs reports whether two nodes can exchange nothing by TCP while the fault lasts, neither directly nor by way of a third one.
func (f *Fault) Severs(i, j int) bool {
	return f.Kind != Pair && f.Kind != NoUDP && f.has(i) != f.has(j)
}
