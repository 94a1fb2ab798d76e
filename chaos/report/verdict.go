package report

import (
	"slices"
	"strings"

	"kleeblatt/chaos/raw"
	"kleeblatt/chaos/scenario"
)

// Verdict is what the figures say of a claim.
type Verdict struct {
	ID, Claim string
	Says      string
	Why       string
}

// What is said of a claim.
const (
	confirmed = "confirmed"
	refuted   = "refuted"
	undecided = "open"
)

// The systems that claims are about.
const (
	ours  = "gossip"
	lan   = "raft-lan"
	plain = "raft"
)

// absent are the scenarios without a run that counts.
func (b *Book) absent() (all []*scenario.Spec) {
	for _, s := range scenario.All {
		if b.chapter(s.ID) == nil {
			all = append(all, s)
		}
	}
	return all
}

func (b *Book) chapter(id string) *Chapter {
	i := slices.IndexFunc(b.Chapters, func(c *Chapter) bool { return c.Spec.ID == id })
	if i < 0 {
		return nil
	}
	return b.Chapters[i]
}

// value is a figure of a scenario: of the full runs where there are some, with the fewest nodes that have it; nodes 0: any.
func (b *Book) value(id, system, name string, nodes int) (Value, bool) {
	c := b.chapter(id)
	if c == nil {
		return Value{}, false
	}
	for _, length := range []string{raw.Full, raw.Short} {
		for _, t := range c.Tables {
			if t.Length != length || nodes > 0 && t.Nodes != nodes {
				continue
			}
			if x := t.Cell(system); x != nil {
				if v, ok := x.Value(name); ok {
					return v, true
				}
			}
		}
	}
	return Value{}, false
}

// said is a value with its unit.
func said(v Value) string { return strings.TrimSpace(v.String() + " " + v.Unit) }

// Verdicts are those of the claims T1 to T6, by fixed rules.
func (b *Book) Verdicts() []Verdict {
	return []Verdict{b.writes(), b.storm(), b.staleness(), b.locality(), b.growth(), b.crash(), b.rejoin()}
}

func openVerdict(id, claim, why string) Verdict { return Verdict{id, claim, undecided, why} }
