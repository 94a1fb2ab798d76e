package broker

import (
	"bytes"
	"slices"
)

// Lists says which of a Filter's six lists are present. A list that is present and empty is not one that is absent.
type Lists uint8

const (
	HasExclude Lists = 1 << iota
	HasEligible
	HasExcludeAuthID
	HasExcludeAuthRole
	HasEligibleAuthID
	HasEligibleAuthRole
)

// Filter is subscriber black- and whitelisting of one publication: the six lists of PUBLISH.Options
// (advanced/pubsub_subscriber_blackwhite_listing.md). The zero Filter admits everybody. Whether the publisher itself is excluded is
// the caller's business. Slices are the caller's; Sort reorders them.
type Filter struct {
	Has                              Lists
	Exclude, Eligible                []uint64
	ExcludeAuthID, ExcludeAuthRole   [][]byte
	EligibleAuthID, EligibleAuthRole [][]byte
	sorted                           bool
}

// linearMax is up to which length a list is searched from its beginning: there a binary search is not quicker.
const linearMax = 8

// Sort puts the lists in order, in place and without allocating, so that Admits searches long ones in logarithmic time. It
// keeps a publisher with a list of a million ids and a topic with as many subscribers from costing their product.
func (f *Filter) Sort() {
	for _, l := range [...][]uint64{f.Exclude, f.Eligible} {
		if len(l) > linearMax {
			slices.Sort(l)
		}
	}
	for _, l := range [...][][]byte{f.ExcludeAuthID, f.ExcludeAuthRole, f.EligibleAuthID, f.EligibleAuthRole} {
		if len(l) > linearMax {
			slices.SortFunc(l, bytes.Compare)
		}
	}
	f.sorted = true
}

// Admits reports whether the subscriber may get the event: it is in each white list that is present and in no black list. A white
// list that is present and empty admits nobody; ids that nobody has do no harm. Nothing is allocated.
func (f *Filter) Admits(session uint64, authid, authrole string) bool {
	if f == nil || f.Has == 0 {
		return true
	}
	switch {
	case f.Has&HasExclude != 0 && f.hasID(f.Exclude, session):
	case f.Has&HasExcludeAuthID != 0 && f.hasText(f.ExcludeAuthID, authid):
	case f.Has&HasExcludeAuthRole != 0 && f.hasText(f.ExcludeAuthRole, authrole):
	case f.Has&HasEligible != 0 && !f.hasID(f.Eligible, session):
	case f.Has&HasEligibleAuthID != 0 && !f.hasText(f.EligibleAuthID, authid):
	case f.Has&HasEligibleAuthRole != 0 && !f.hasText(f.EligibleAuthRole, authrole):
	default:
		return true
	}
	return false
}

func (f *Filter) hasID(l []uint64, id uint64) bool {
	if f.sorted && len(l) > linearMax {
		_, found := slices.BinarySearch(l, id)
		return found
	}
	return slices.Contains(l, id)
}

func (f *Filter) hasText(l [][]byte, text string) bool {
	if !f.sorted || len(l) <= linearMax {
		for _, t := range l {
			if string(t) == text {
				return true
			}
		}
		return false
	}
	lo, hi := 0, len(l)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); string(l[mid]) < text {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(l) && string(l[lo]) == text
}
