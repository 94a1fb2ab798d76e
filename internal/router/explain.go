package router

import (
	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// NodeInfo is what an explanation tells of a node.
type NodeInfo struct {
	Name  string
	State string
	Link  string // what the path to it is; "" for this node itself
}

// Holders are the sessions of this node that hold one subscription.
type Holders struct {
	Subscription uint64
	Sessions     []uint64
	Total        int // Sessions may be fewer
}

// holdersMax bounds the sessions that an explanation names for one subscription and worker.
const holdersMax = 256

// AppendHolders appends who of this worker holds each of the subscriptions.
func (w *Worker) AppendHolders(dst []Holders, subscriptions []uint64) []Holders {
	for _, id := range subscriptions {
		h := Holders{Subscription: id, Total: w.local.Count(id)}
		for _, slot := range w.local.Subscribers(id) {
			if slot != broker.NoSlot && len(h.Sessions) < holdersMax {
				h.Sessions = append(h.Sessions, w.sessions[slot].id)
			}
		}
		if h.Total > 0 {
			dst = append(dst, h)
		}
	}
	return dst
}

// Explainer answers who would get a publication to a topic or a call of a procedure of that URI, and why.
type Explainer struct {
	Realms    *Realms
	Directory *Directory
	Node      func(NodeSlot) NodeInfo // 0 is this node
	Nodes     []NodeInfo              // all other nodes that are known
}

// Subscriptions are those that a publication to q.URI matches, and the workers of this node that have receivers: whom to ask for their
// Holders.
func (x *Explainer) Subscriptions(q *Ask) (ids []uint64, workers broker.WorkerSet) {
	if r := x.Realms.Get(q.Realm); r != nil {
		for _, e := range r.Cell.Load().Broker.Match(octets(q.URI), nil) {
			ids = append(ids, e.ID)
			workers |= e.Workers
		}
	}
	return ids, workers
}

// Explain is the answer, given what the workers have told.
func (x *Explainer) Explain(q *Ask, holders []Holders) Answer {
	r := x.Realms.Get(q.Realm)
	if r == nil {
		return Answer{Err: wamp.ErrNoSuchRealm}
	}
	s := r.Cell.Load()
	subscriptions := []any{}
	for _, e := range s.Broker.Match(octets(q.URI), nil) {
		subscriptions = append(subscriptions, x.subscription(q, e, holders))
	}
	var call any
	if c := s.Dealer.Match(octets(q.URI)); c != nil {
		call = x.call(q, c)
	} else if b := builtins[q.URI]; b != nil {
		call = codec.Dict{{Key: "procedure", Value: q.URI}, {Key: "match", Value: wamp.Exact.String()}, {Key: "why", Value: "each node answers it itself"}}
	}
	nodes := []any{}
	for i := range x.Nodes {
		nodes = append(nodes, x.Nodes[i].dict())
	}
	return q.Return([]any{codec.Dict{
		{Key: "uri", Value: q.URI}, {Key: "realm", Value: q.Realm}, {Key: "node", Value: x.Node(0).Name},
		{Key: "publication", Value: subscriptions}, {Key: "call", Value: call}, {Key: "nodes", Value: nodes},
	}}, nil)
}

// subscription says who gets a publication through one subscription. Of other nodes it is known that they have subscribers, and not which.
func (x *Explainer) subscription(q *Ask, e *broker.Entry, holders []Holders) codec.Dict {
	sessions, total := []any{}, 0
	for i := range holders {
		if h := &holders[i]; h.Subscription == e.ID {
			total += h.Total
			for _, id := range h.Sessions {
				sessions = append(sessions, x.who(q, id))
			}
		}
	}
	nodes := []any{}
	for n := range e.Nodes.Each {
		nodes = append(nodes, x.Node(NodeSlot(n)).dict())
	}
	return codec.Dict{
		{Key: "subscription", Value: e.ID}, {Key: "match", Value: e.Match.String()}, {Key: "topic", Value: e.Topic},
		{Key: "sessions", Value: sessions}, {Key: "sessions_total", Value: total}, {Key: "nodes", Value: nodes},
	}
}

// call says who may get a call, in the order in which callees are tried.
func (x *Explainer) call(q *Ask, r *dealer.Registration) codec.Dict {
	callees, called := []any{}, len(r.Called())
	for i := range r.Callees {
		c := &r.Callees[i]
		d := append(x.who(q, c.Session), x.Node(NodeSlot(c.Node)).dict()...)
		d = append(d, codec.Pair{Key: "called", Value: i < called}, codec.Pair{Key: "why", Value: whyCalled(r, i)})
		if c.Concurrency > 0 {
			d = append(d, codec.Pair{Key: "concurrency", Value: uint64(c.Concurrency)})
		}
		callees = append(callees, d)
	}
	return codec.Dict{
		{Key: "registration", Value: r.ID}, {Key: "match", Value: r.Match.String()}, {Key: "procedure", Value: r.Procedure},
		{Key: "invoke", Value: r.Invoke.String()}, {Key: "callees", Value: callees},
	}
}

func whyCalled(r *dealer.Registration, i int) string {
	called := len(r.Called())
	switch {
	case i >= called && r.Invoke == wamp.Single:
		return "registered later than the one owner"
	case i >= called:
		return "of another policy than the first callee"
	case r.Invoke == wamp.Single:
		return "the one owner"
	case r.Invoke == wamp.First && i == 0:
		return "first"
	case r.Invoke == wamp.Last && i == called-1:
		return "last"
	case r.Invoke == wamp.First || r.Invoke == wamp.Last:
		return "when those before it are busy or out of reach"
	}
	return "in turn"
}

// who names a session, and what the directory knows of it.
func (x *Explainer) who(q *Ask, session uint64) codec.Dict {
	d := codec.Dict{{Key: "session", Value: session}}
	if p, _, ok := x.Directory.Who(q.Realm, session); ok {
		d = append(d, codec.Pair{Key: "authid", Value: p.AuthID}, codec.Pair{Key: "authrole", Value: p.AuthRole})
	}
	return d
}

func (n NodeInfo) dict() codec.Dict {
	d := codec.Dict{{Key: "node", Value: n.Name}, {Key: "state", Value: n.State}}
	if n.Link != "" {
		d = append(d, codec.Pair{Key: "link", Value: n.Link})
	}
	return d
}
