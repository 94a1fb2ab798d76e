package node

import (
	"cmp"
	"slices"
	"time"

	"kleeblatt/broker"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
)

// The home hub's part of event history: which nodes keep what, how a new keeper catches up, and whom a query asks.

const (
	// historyKeepers is how many nodes keep a history: one of them may go without the loss of an event.
	historyKeepers = 2
	// historyCatchUp is when a keeper asks the others a second time: what was published before all of them knew that it keeps has come to them
	// by then.
	historyCatchUp = int64(2 * time.Second)
	// historyLinger is how long who does not keep a history any more has it still, for those who take it over.
	historyLinger = int64(time.Minute)
)

// heldHistory is one of the histories of the configuration.
type heldHistory struct {
	realm   string
	h       router.History
	keeps   bool
	catchUp int64 // when the others are asked again, 0: not any more
	dropAt  int64 // when what was kept is forgotten, 0: it is not there, or kept
}

// histories are all of them, in the order of the configuration.
type histories struct {
	held   []heldHistory
	others []string // the nodes that were there when it was last looked, in order
	looked bool
}

func (o *home) newHistories() {
	for _, r := range o.n.realms.All() {
		for _, h := range r.Histories {
			o.histories.held = append(o.histories.held, heldHistory{realm: r.Name, h: h.WithDefaults()})
		}
	}
}

// name is what the history's keepers are chosen by.
func (x *heldHistory) name() string { return string(router.AppendHistoryName(nil, x.realm, &x.h)) }

// keepers are the nodes that keep a history, of this one and those others.
func (o *home) keepers(name string, others []string) []string {
	all := append([]string{o.n.name}, others...)
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(broker.Prefers(b, name), broker.Prefers(a, name)), cmp.Compare(a, b))
	})
	return all[:min(len(all), historyKeepers)]
}

// tickHistories looks who is there, and keeps or stops accordingly.
func (o *home) tickHistories(now int64) {
	x := &o.histories
	if len(x.held) == 0 {
		return
	}
	var others []string
	for _, p := range o.places() {
		if p != nil && p.asked() {
			others = append(others, p.name)
		}
	}
	slices.Sort(others)
	if changed := !x.looked || !slices.Equal(others, x.others); changed {
		for i := range x.held {
			o.chooseKeeper(&x.held[i], others, now)
		}
		x.looked, x.others = true, others
	}
	for i := range x.held {
		h := &x.held[i]
		if h.catchUp != 0 && now >= h.catchUp {
			h.catchUp = 0
			o.fetchHistory(h)
		}
		if h.dropAt != 0 && now >= h.dropAt {
			h.dropAt = 0
			o.tellKeeper(h, router.HistoryDrop)
		}
	}
}

// wakeAt is when something is due, 0 for never.
func (x *histories) wakeAt() (at int64) {
	for i := range x.held {
		at = earlier(at, earlier(x.held[i].catchUp, x.held[i].dropAt))
	}
	return at
}

// chooseKeeper is called when the nodes that are there have changed. A keeper asks whoever is new for what it has: it may have kept it behind a
// cut.
func (o *home) chooseKeeper(h *heldHistory, others []string, now int64) {
	keeps := slices.Contains(o.keepers(h.name(), others), o.n.name)
	switch {
	case keeps && !h.keeps:
		h.keeps, h.dropAt = true, 0
		o.tellKeeper(h, router.HistoryKeep)
	case !keeps && h.keeps:
		h.keeps, h.catchUp, h.dropAt = false, 0, now+historyLinger
		o.tellKeeper(h, router.HistoryLapse)
	}
	if h.keeps && slices.ContainsFunc(others, func(name string) bool { return !slices.Contains(o.histories.others, name) }) {
		o.fetchHistory(h)
		h.catchUp = now + historyCatchUp
	}
}

func (o *home) tellKeeper(h *heldHistory, level uint8) {
	o.h.step(router.Input{Kind: router.InHistory, Realm: h.realm, History: &h.h, Level: level})
}

// fetchHistory asks all others for what they have, and takes it in.
func (o *home) fetchHistory(h *heldHistory) {
	o.askAll(router.QuestionHistory, router.AppendHistoryName(nil, h.realm, &h.h), questionWait, func(answer []byte) {
		if h.keeps {
			o.h.worker.MergeHistory(h.realm, &h.h, router.ParseHistory(answer))
		}
	}, func(bool) {})
}

// questionHistory answers another node with what is kept here.
func (o *home) questionHistory(_ *peer, question []byte, reply func([]byte, bool)) {
	realm, h, ok := router.ParseHistoryName(question)
	if !ok {
		reply(nil, false)
		return
	}
	reply(o.h.worker.AppendHistory(nil, realm, &h), true)
}

// events answers a query of a history: its keepers are asked, and whoever the tables say may have been one a moment ago.
func (o *home) events(q *router.Ask, answer func(router.Answer)) {
	h := o.n.realms.HistoryOf(q)
	if h == nil {
		if o.tables.Subscription(q.Realm, q.ID) == nil {
			answer(router.Answer{Err: wamp.ErrNoSuchSubscription})
			return
		}
		answer(q.Events(&router.History{}, nil, &o.transcoder))
		return
	}
	name := router.AppendHistoryName(nil, q.Realm, h)
	keepers := o.keepers(string(name), o.histories.others)
	nodes := o.n.realms.Get(q.Realm).Cell.Load().Broker.Get(broker.Key{Match: h.Match, Topic: h.Topic}).Nodes
	events := router.ParseHistory(o.h.worker.AppendHistory(nil, q.Realm, h))
	o.askThose(router.QuestionHistory, name, questionWait, func(p *peer) bool {
		return slices.Contains(keepers, p.name) || nodes.Has(uint8(p.slot))
	}, func(b []byte) {
		events = broker.MergeHistories(events, router.ParseHistory(b))
	}, func(complete bool) {
		a := q.Events(h, events, &o.transcoder)
		a.Incomplete = !complete || o.anyMissing()
		answer(a)
	})
}
