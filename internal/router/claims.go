package router

import (
	"slices"

	"kleeblatt/dealer"
	"kleeblatt/internal/wamp"
)

// A REGISTER that would be the first of its procedure claims it: its element is tentative, which nobody routes to,
// until every reachable node has acknowledged it. Whoever has a better right refuses, and is heard before its acknowledgement is. Then
// the element is confirmed, routed to, and the session is told.
//
//	begin ─ TxPropose +tentative ─▶ claiming ─ Applied, TxBarrier ─▶ claimed ─ Barrier, TxPropose +confirmed ─▶ confirming ─ Applied ─▶ REGISTERED
//	                                              RefusedBy, the session leaves, a confirmed entry appears ─▶ TxPropose -tentative, ERROR

// claimWait is how long a claim waits for acknowledgements, in milliseconds: a node that is reachable answers within a few round trips,
// and a client waits for REGISTERED, which it has within a second also right after a cut, while nodes still count as reachable.
const claimWait = 750

// pendingMax bounds the claims and delayed answers of a node: what a client has unanswered is bounded already, but not the clients. One
// takes some 300 bytes.
const pendingMax = 1 << 18

// phase is how far a change is.
type phase uint8

const (
	flying     phase = iota // at the Replicator
	claiming                // so is its tentative element
	claimed                 // waits for acknowledgements
	confirming              // its confirmed element is at the Replicator
)

// claim is a tentative entry of another node.
type claim struct {
	node     NodeSlot
	nodeName string
	element  string
	session  uint64
	order    uint64
	invoke   wamp.Invoke
}

// excludes says whether two policies cannot share a procedure.
func excludes(a, b wamp.Invoke) bool { return a != b || a == wamp.Single }

// claimed is called when the tentative element is in our part.
func (t *Tables) claimed(f *flight, out []TablesEffect) []TablesEffect {
	f.phase = claimed
	if f.refusal != "" {
		return t.withdraw(f, f.refusal, out)
	}
	t.token++
	f.barrier = t.token
	t.tokens[f.barrier] = f
	return append(out, TablesEffect{Kind: TxBarrier, Token: f.barrier, Wait: claimWait})
}

// Barrier says that the wait that TxBarrier asked for is over: of the of nodes that were reachable when it began, acked have
// what had been proposed by then.
func (t *Tables) Barrier(token uint64, acked, of int, out []TablesEffect) []TablesEffect {
	if a, ok := t.delayed[token]; ok {
		delete(t.delayed, token)
		return t.undelay(&a, out)
	}
	f := t.tokens[token]
	if f == nil || f.phase != claimed {
		return out
	}
	delete(t.tokens, token)
	if acked < of {
		t.stats.ClaimsTimedOut++
	}
	f.phase = confirming
	f.element.Tentative = false
	return t.fly(f, true, out)
}

// confirmed is called when the confirmed element is in our part: the tentative one has had its time.
func (t *Tables) confirmed(f *flight, out []TablesEffect) []TablesEffect {
	t.stats.ClaimsConfirmed++
	out = t.dropTentative(f, out)
	return t.registered(f, out)
}

func (t *Tables) dropTentative(f *flight, out []TablesEffect) []TablesEffect {
	e := f.element
	e.Tentative = true
	t.scratch = AppendRegistration(t.scratch[:0], &e)
	return append(out, TablesEffect{Kind: TxPropose, Op: TableOp{Element: string(t.scratch)}})
}

// withdraw ends a claim that has not been confirmed.
func (t *Tables) withdraw(f *flight, err string, out []TablesEffect) []TablesEffect {
	switch f.phase {
	case claiming:
		f.refusal = err // as soon as there is something to take back
		return out
	case claimed:
	default:
		return out
	}
	delete(t.tokens, f.barrier)
	delete(t.flights, f.key)
	out = t.dropTentative(f, out)
	out = append(out, TablesEffect{Kind: TxApplied, Worker: f.op.Worker, Token: f.token, Err: err})
	return t.nextOf(f, out)
}

// RefusedBy says that a node objects to an element of ours. What is confirmed already stays: it is judged like any other conflict.
func (t *Tables) RefusedBy(element string, out []TablesEffect) []TablesEffect {
	e, k, err := t.parse(element)
	if err != nil || k.realm < 0 || !e.Tentative {
		return out
	}
	f := t.claimOf(k)
	if f == nil || f.element.Session != e.Session || f.element.Order != e.Order || f.refusal != "" {
		return out
	}
	t.stats.ClaimsRefused++
	return t.withdraw(f, wamp.ErrProcedureAlreadyExists, out)
}

// claimOf is our claim of the key, if there is one that is not confirmed yet.
func (t *Tables) claimOf(k tableKey) *flight {
	if f := t.flights[k]; f != nil && (f.phase == claiming || f.phase == claimed) {
		return f
	}
	return nil
}

// leave takes back what a session that has ended still asks for: a claim, or a REGISTER that waits behind another change.
func (t *Tables) leave(f *flight, op *Op, out []TablesEffect) ([]TablesEffect, bool) {
	if f.op.Kind == OpRegister && f.op.Session == op.Session && t.claimOf(f.key) == f {
		t.stats.ClaimsWithdrawn++
		return t.withdraw(f, wamp.ErrCanceled, out), true
	}
	at := slices.IndexFunc(f.queue, func(w waitingOp) bool { return w.op.Kind == OpRegister && w.op.Session == op.Session })
	if at < 0 {
		return out, false
	}
	w := f.queue[at]
	f.queue = slices.Delete(f.queue, at, at+1)
	return append(out, TablesEffect{Kind: TxApplied, Worker: w.op.Worker, Token: w.token, Err: wamp.ErrCanceled}), true
}

// before is the order in which rights are judged, on every node the same.
func (f *flight) before(name string, c *claim) bool {
	mine := dealer.Callee{Order: f.element.Order, NodeName: name, Session: f.element.Session}
	theirs := dealer.Callee{Order: c.order, NodeName: c.nodeName, Session: c.session}
	return mine.Before(&theirs)
}

// objects says whether this node has a better right than another's claim: a confirmed entry, or an earlier claim.
func (t *Tables) objects(k tableKey, c *claim) bool {
	if f := t.flights[k]; f != nil && f.phase != flying && f.refusal == "" && excludes(f.element.Invoke, c.invoke) {
		if f.phase == confirming || f.before(t.name, c) {
			return true
		}
	}
	r := t.registration(k)
	if r == nil {
		return false
	}
	for i := range r.Callees {
		if x := &r.Callees[i]; x.Node == 0 && excludes(x.Invoke, c.invoke) {
			return true
		}
	}
	return false
}

// remoteClaim takes another node's claim.
func (t *Tables) remoteClaim(k tableKey, c claim, out []TablesEffect) []TablesEffect {
	t.claims[k] = append(t.claims[k], c)
	return t.maybeRefuse(k, &c, out)
}

func (t *Tables) maybeRefuse(k tableKey, c *claim, out []TablesEffect) []TablesEffect {
	if !t.objects(k, c) {
		return out
	}
	t.stats.RefusalsSent++
	return append(out, TablesEffect{Kind: TxRefuse, Node: c.node, Op: TableOp{Element: c.element}})
}

// remoteConfirmed gives our claim up where another node's confirmed entry excludes it, whatever the clocks say.
func (t *Tables) remoteConfirmed(k tableKey, invoke wamp.Invoke, out []TablesEffect) []TablesEffect {
	f := t.claimOf(k)
	if f == nil || f.refusal != "" || !excludes(f.element.Invoke, invoke) {
		return out
	}
	t.stats.ClaimsRefused++
	return t.withdraw(f, wamp.ErrProcedureAlreadyExists, out)
}

func (t *Tables) dropClaim(k tableKey, gone func(c *claim) bool) {
	if len(t.claims[k]) == 0 {
		return
	}
	left := slices.DeleteFunc(t.claims[k], func(c claim) bool { return gone(&c) })
	if len(left) == 0 {
		delete(t.claims, k)
	} else {
		t.claims[k] = left
	}
}

// dropClaims forgets the claims of a node that is hidden.
func (t *Tables) dropClaims(node NodeSlot) {
	for k := range t.claims {
		t.dropClaim(k, func(c *claim) bool { return c.node == node })
	}
}

// Delayed answers: options.x_barrier.

// delayedAnswer is an answer that waits until the other nodes have the change.
type delayedAnswer struct {
	key   tableKey
	op    Op
	token uint64
}

// answer tells the worker that its change counts, when it wants to know.
func (t *Tables) answer(k tableKey, op *Op, token, id uint64, out []TablesEffect) []TablesEffect {
	if op.Barrier == 0 {
		return append(out, TablesEffect{Kind: TxApplied, Worker: op.Worker, Token: token, ID: id})
	}
	t.token++
	t.delayed[t.token] = delayedAnswer{k, *op, token}
	return append(out, TablesEffect{Kind: TxBarrier, Token: t.token, Wait: int64(op.Barrier)})
}

// undelay answers. What was changed back meanwhile is changed once more, or refused.
func (t *Tables) undelay(a *delayedAnswer, out []TablesEffect) []TablesEffect {
	a.op.Barrier = 0
	if a.op.Kind == OpSubscribe {
		return t.propose(a.key, waitingOp{op: a.op, token: a.token}, out)
	}
	x := TablesEffect{Kind: TxApplied, Worker: a.op.Worker, Token: a.token, Err: wamp.ErrProcedureAlreadyExists}
	if r := t.registration(a.key); r.Callee(0, a.op.Session) != nil {
		x.ID, x.Err = r.ID, ""
	}
	return append(out, x)
}

// full says that no further change may wait for other nodes.
func (t *Tables) full() bool { return len(t.flights)+len(t.delayed) >= pendingMax }
