package router

import "kleeblatt/dealer"

const (
	// proceduresKept is how many procedures a worker remembers, one for each place that their names may have: a power of two.
	proceduresKept = 64
	// procedureBytesMax is the longest name that is remembered: 8 KiB for all.
	procedureBytesMax = 128
)

// procedures remembers the registrations of the procedures that are being called, as long as their realm's snapshot stays the same. Only names
// that are valid in the realm and not reserved get in: who finds one here need not look at it more closely.
type procedures [proceduresKept]procedure

type procedure struct {
	realm   *Realm
	version uint64 // of the realm's snapshot, see matchCache
	uri     []byte
	r       *dealer.Registration
}

func (p *procedures) at(uri []byte) *procedure {
	n := len(uri)
	return &p[(uint(n)+31*uint(uri[n-1])+7*uint(uri[n/2]))%proceduresKept]
}

// known is the registration of a procedure that is remembered, nil if it is not.
func (w *Worker) known(realm *Realm, uri []byte) *dealer.Registration {
	if len(uri) == 0 {
		return nil
	}
	p := w.procedures.at(uri)
	if p.realm == realm && string(p.uri) == string(uri) && p.version == w.cache.current(realm).version {
		return p.r
	}
	return nil
}

// match finds the registration of a valid procedure that is not reserved, and remembers it.
func (w *Worker) match(realm *Realm, uri []byte) *dealer.Registration {
	if r := w.known(realm, uri); r != nil {
		return r
	}
	x := w.cache.current(realm)
	r := x.snapshot.Dealer.Match(uri)
	if r != nil && len(uri) > 0 && len(uri) <= procedureBytesMax {
		p := w.procedures.at(uri)
		p.realm, p.version, p.r = realm, x.version, r
		p.uri = append(p.uri[:0], uri...)
	}
	return r
}
