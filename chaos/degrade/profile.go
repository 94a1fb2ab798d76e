package degrade

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Profile says how bad a link is, the same in both directions. The zero value is a good one.
type Profile struct {
	Name      string
	About     string        // for people
	Delay     time.Duration // one way
	Jitter    time.Duration // up to so much more, evenly; datagrams overtake each other by it
	Loss      float64       // share of the packets, 0 to 1
	Duplicate float64       // share of the datagrams
	Reorder   float64       // share of the datagrams that are ReorderBy later, so that others overtake them
	ReorderBy time.Duration
	Bandwidth int           // bytes per second and direction; 0: no limit
	Queue     time.Duration // datagrams that would wait longer for the bottleneck, or for the end of a clog, are lost; 0: none are
	Outage    Spell         // of both directions at a time
	Clog      Spell         // of one direction at a time
}

// Spell is bad weather that comes and goes: fair for a time between the first two, then bad for one between the others. The zero value
// never comes.
type Spell struct{ FairMin, FairMax, BadMin, BadMax time.Duration }

// profiles are what links are like in places where people have them. The figures are round ones of their kind, no measurements.
var profiles = []Profile{
	{Name: "3g", About: "a phone in the country: 200 ms there and back and more, 1.5 Mbit/s, deep queues",
		Delay: 100 * time.Millisecond, Jitter: 80 * time.Millisecond, Loss: 0.01, Bandwidth: 190_000, Queue: 2 * time.Second,
		Clog: Spell{10 * time.Second, 40 * time.Second, 500 * time.Millisecond, 3 * time.Second}}, // a change of cell
	{Name: "lossy-wifi", About: "a crowded room: short delays, 5 % loss, moments in which nothing gets through",
		Delay: 2 * time.Millisecond, Jitter: 12 * time.Millisecond, Loss: 0.05, Duplicate: 0.01, Reorder: 0.02, ReorderBy: 20 * time.Millisecond,
		Bandwidth: 2_500_000, Queue: 500 * time.Millisecond,
		Clog: Spell{time.Second, 8 * time.Second, 50 * time.Millisecond, 400 * time.Millisecond}},
	{Name: "satellite", About: "a geostationary one: 560 ms there and back, 8 Mbit/s, some loss",
		Delay: 280 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.005, Bandwidth: 1_000_000, Queue: time.Second},
	{Name: "flapping", About: "a bad plug: good for 2 to 10 s, then gone for up to 5",
		Delay: time.Millisecond, Jitter: time.Millisecond, Outage: Spell{2 * time.Second, 10 * time.Second, 200 * time.Millisecond, 5 * time.Second}},
	{Name: "clogged", About: "one direction at a time stands still for up to 8 s, and nothing is lost",
		Delay: time.Millisecond, Clog: Spell{3 * time.Second, 15 * time.Second, time.Second, 8 * time.Second}},
	{Name: "none", About: "a good link, to begin with and to change"},
}

// Profiles are the named ones. The slice is the caller's.
func Profiles() []Profile { return slices.Clone(profiles) }

// Named finds a profile.
func Named(name string) (Profile, error) {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return Profile{}, fmt.Errorf("there is no profile %q: it is one of %s", name, strings.Join(names, ", "))
}

// delayMax bounds every time in a profile: what waits longer has no sender any more.
const delayMax = time.Minute

// Check says what is wrong with a profile.
func (p *Profile) Check() error {
	for name, d := range map[string]time.Duration{"delay": p.Delay, "jitter": p.Jitter, "reorder-by": p.ReorderBy, "queue": p.Queue} {
		if d < 0 || d > delayMax {
			return fmt.Errorf("%s %v is not from 0 to %v", name, d, delayMax)
		}
	}
	for name, share := range map[string]float64{"loss": p.Loss, "duplicate": p.Duplicate, "reorder": p.Reorder} {
		if !(share >= 0 && share < 1) {
			return fmt.Errorf("%s %v is not a share from 0 to below 1", name, share)
		}
	}
	if p.Bandwidth < 0 {
		return fmt.Errorf("bandwidth %d is below 0", p.Bandwidth)
	}
	for name, s := range map[string]Spell{"outage": p.Outage, "clog": p.Clog} {
		if s != (Spell{}) && (s.FairMin <= 0 || s.FairMax < s.FairMin || s.BadMin <= 0 || s.BadMax < s.BadMin || s.FairMax > time.Hour || s.BadMax > delayMax) {
			return fmt.Errorf("%s %+v: both ranges have to be above 0 and in order", name, s)
		}
	}
	return nil
}
