package node

import (
	"context"
	"log/slog"
	"time"
	"unsafe"

	"kleeblatt/broker"
	"kleeblatt/internal/frame"
	"kleeblatt/internal/router"
	"kleeblatt/transport"
)

const (
	// mailboxBytesMax is what may wait in a worker's mailbox before the sessions that fill it are not read: a turn's worth of reading from
	// many sockets. A receiver that asks its publishers to wait has to have room for what lies in the mailboxes on the way.
	mailboxBytesMax = 1 << 20
	// mailboxRetryAfter is how soon a source that was paused for a full mailbox looks again.
	mailboxRetryAfter = int64(time.Millisecond)
	// windowsEvery is how often the links' windows are added up: what comes in between is a turn's reading at line speed.
	windowsEvery = int64(10 * time.Millisecond)
	// warnEvery bounds what strangers can write into the log.
	warnEvery = int64(time.Minute)
	// closeLinger is how long a closing connection may take to read what is queued for it.
	closeLinger = 2 * time.Second
)

// Why a connection is not read; it is read again when no reason is left.
const (
	pausedByWorker  uint8 = 1 << iota // the worker asked for it: a receiver is behind, or a link's lane is full
	pausedByMailbox                   // another worker's mailbox is full
)

// hub drives one worker on one loop: it turns what the transport reports into the worker's inputs and carries out the
// worker's effects. Everything but its mailbox belongs to the loop's goroutine.
type hub struct {
	n      *Node
	index  uint8
	loop   transport.Loop
	worker *router.Worker
	home   *home // on hub 0 only
	box    mailbox

	m       machine[router.Input, router.Effect]
	message router.Input // a client's message, the input that there are most of
	letters []letter     // the slice to swap with the mailbox

	posts        []*frame.Batch // by worker; what goes to other workers at the end of the turn
	relay        *frame.Batch   // what goes to other nodes at the end of the turn
	outHome      []letter       // proposals for the home hub, in order, ahead of relay
	outHomeBytes int64          // what they will count for in its mailbox
	paused       map[transport.ConnID]uint8
	urgent       bool             // the message that is being sent is a reply
	source       transport.ConnID // the connection whose message is being handled
	blocked      []transport.ConnID
	wakeAt       int64
	retryAt      int64
	late         lateness
}

func newHub(n *Node, index int, loop transport.Loop) *hub {
	h := &hub{n: n, index: uint8(index), loop: loop, paused: map[transport.ConnID]uint8{}}
	h.posts = make([]*frame.Batch, n.workers)
	h.worker = router.NewWorker(n.workerConfig(index, loop.Now()))
	h.message.Kind = router.InMessage
	h.m = machine[router.Input, router.Effect]{step: h.worker.Step, exec: h.exec}
	return h
}

// step feeds one input to the worker.
func (h *hub) step(in router.Input) {
	in.Now = h.loop.Now()
	h.m.feed(in)
}

func (h *hub) exec(e *router.Effect) {
	switch e.Kind {
	case router.FxSend:
		h.urgent = e.Urgent
		h.loop.Send(transport.ConnID(e.Conn), e.Bytes, e.Urgent)
		h.urgent = false
	case router.FxFanout:
		h.loop.Fanout(connIDs(e.Conns), e.Bytes)
	case router.FxPost:
		h.post(e)
	case router.FxRelay:
		if h.relay == nil {
			h.relay = h.n.pool.Get()
		}
		h.relay.Append(frame.Addr{Node: uint8(e.Node), Lane: e.Lane}, e.Bytes)
		if h.home == nil {
			h.crowd(h.n.hubs[0], int64(h.relay.Bytes()))
		}
	case router.FxPropose:
		h.tellHome(letter{kind: letterPropose, op: *e.Op, token: e.Token}) // the worker's memory: copied, its strings are immutable
	case router.FxSession:
		h.tellHome(letter{kind: letterSession, op: *e.Op})
	case router.FxAsk:
		h.tellHome(letter{kind: letterAsk, ask: e.Ask, token: e.Token})
	case router.FxPause:
		h.pause(transport.ConnID(e.Conn), pausedByWorker)
	case router.FxResume:
		h.resume(transport.ConnID(e.Conn), pausedByWorker)
	case router.FxClose:
		h.loop.Close(transport.ConnID(e.Conn), closeLinger)
	case router.FxReset:
		h.loop.Reset(transport.ConnID(e.Conn))
	case router.FxLimit:
		h.loop.SetLimit(transport.ConnID(e.Conn), int(e.N))
	case router.FxWakeAt:
		h.wakeAt = earlier(h.wakeAt, e.N)
	case router.FxLog:
		h.n.log.Log(context.Background(), slog.Level(e.Level), e.Text, "worker", h.index)
	}
}

// connIDs is the same slice under transport's name: both are the number that the transport gave out.
func connIDs(cs []router.Conn) []transport.ConnID {
	return unsafe.Slice((*transport.ConnID)(unsafe.SliceData(cs)), len(cs))
}

func (h *hub) post(e *router.Effect) {
	b := h.posts[e.Worker]
	if b == nil {
		b = h.n.pool.Get()
		h.posts[e.Worker] = b
	}
	b.Append(frame.Addr{}, e.Bytes)
	h.crowd(h.n.hubs[e.Worker], int64(b.Bytes()))
}

// crowd stops reading the connection whose message is being handled when more gathers for a hub than its mailbox should hold.
func (h *hub) crowd(to *hub, gathered int64) {
	if h.source == 0 || to.box.bytes.Load()+gathered <= mailboxBytesMax || h.paused[h.source]&pausedByMailbox != 0 {
		return
	}
	h.pause(h.source, pausedByMailbox)
	h.blocked = append(h.blocked, h.source)
	h.retryAt = h.loop.Now() + mailboxRetryAfter
}

// tellHome hands what a worker wants of the home hub over: at once where it is this one, else at the end of the turn.
func (h *hub) tellHome(l letter) {
	l.from = h.index
	if h.home != nil {
		h.home.hear(&l)
		return
	}
	h.outHome = append(h.outHome, l)
	h.outHomeBytes += l.weight()
	h.crowd(h.n.hubs[0], h.outHomeBytes)
}

func (h *hub) pause(c transport.ConnID, why uint8) {
	if h.paused[c] == 0 {
		h.loop.Pause(c)
	}
	h.paused[c] |= why
}

func (h *hub) resume(c transport.ConnID, why uint8) {
	left, ok := h.paused[c]
	if !ok {
		return
	}
	if left &^= why; left != 0 {
		h.paused[c] = left
		return
	}
	delete(h.paused, c)
	h.loop.Resume(c)
}

// Opened implements transport.Handler.
func (h *hub) Opened(c transport.ConnID, info *transport.Info) {
	if info.Framing == transport.Link {
		h.home.linkOpened(c, info)
		return
	}
	h.step(router.Input{Kind: router.InOpened, Conn: router.Conn(c), Serializer: info.Serializer, MaxMessage: info.MaxMessage, Peer: info.Peer, Channel: channelOf(info.TLS)})
}

// Received implements transport.Handler.
func (h *hub) Received(c transport.ConnID, msg []byte) {
	if h.home != nil && h.home.isLink(c) {
		h.home.linkReceived(c, msg)
		return
	}
	h.source = c
	h.message.Now, h.message.Conn, h.message.Bytes = h.loop.Now(), router.Conn(c), msg
	h.m.feedAt(&h.message)
	h.source = 0
}

// Closed implements transport.Handler.
func (h *hub) Closed(c transport.ConnID, err error) {
	if h.home != nil && h.home.isLink(c) {
		h.home.linkClosed(c, err)
		return
	}
	if h.n.ending.Load() {
		return
	}
	delete(h.paused, c)
	h.step(router.Input{Kind: router.InClosed, Conn: router.Conn(c)})
}

// DialFailed implements transport.Handler.
func (h *hub) DialFailed(tag uint64, err error) { h.home.dialFailed(tag, err) }

// Pressure implements transport.Handler.
func (h *hub) Pressure(c transport.ConnID, level transport.Level) {
	if h.home != nil && h.home.isLink(c) {
		h.home.linkPressure(c, level)
		return
	}
	h.step(router.Input{Kind: router.InPressure, Conn: router.Conn(c), Level: uint8(level), On: h.urgent})
}

// Woken implements transport.Handler: it reads the mailbox.
func (h *hub) Woken() {
	h.letters = h.box.take(h.letters[:0])
	for i := range h.letters {
		h.open(&h.letters[i])
		h.letters[i] = letter{}
	}
}

func (h *hub) open(l *letter) {
	switch l.kind {
	case letterFrames:
		l.batch.Each(func(a frame.Addr, f []byte) {
			h.step(router.Input{Kind: router.InFrame, Node: router.NodeSlot(a.Node), Bytes: f})
		})
		h.box.done(&h.n.pool, l.batch)
	case letterRelay:
		h.home.send(l.batch)
		h.box.done(&h.n.pool, l.batch)
	case letterInput:
		h.step(l.input)
	case letterPropose, letterSession, letterAsk:
		h.home.hear(l)
		h.box.bytes.Add(-l.weight())
	case letterDo:
		l.do()
	}
}

// Turn implements transport.Handler: deadlines that passed, then everything that gathered for others leaves.
func (h *hub) Turn(now int64) (next int64, again bool) {
	h.late.turned(now)
	if h.wakeAt != 0 && now >= h.wakeAt {
		h.wakeAt = 0
		h.step(router.Input{Kind: router.InTick})
	}
	if h.retryAt != 0 && now >= h.retryAt {
		h.retryMailboxes(now)
	}
	if h.home != nil {
		next, again = h.home.turn(now) // it may step the worker, whose deadlines are read afterwards
	}
	h.handOver()
	h.late.due = earlier(next, earlier(h.wakeAt, h.retryAt))
	return h.late.due, again
}

// handOver gives the gathered frames to the other workers and, but on the home hub (which sends them in its turn), to the home hub.
func (h *hub) handOver() {
	for w := range h.posts {
		h.handOverTo(w)
	}
	if h.home != nil {
		return
	}
	to := h.n.hubs[0]
	for _, l := range h.outHome {
		to.deliver(l)
	}
	h.outHome, h.outHomeBytes = h.outHome[:0], 0
	if h.relay != nil {
		to.deliver(letter{kind: letterRelay, from: h.index, batch: h.relay})
		h.relay = nil
	}
}

func (h *hub) handOverTo(w int) {
	if b := h.posts[w]; b != nil {
		h.posts[w] = nil
		h.n.hubs[w].deliver(letter{kind: letterFrames, from: h.index, batch: b})
	}
}

// deliver leaves a letter for this hub; safe from any goroutine.
func (h *hub) deliver(l letter) {
	h.box.put(l)
	h.loop.Wake()
}

// retryMailboxes reads the sources again that were paused for a full mailbox, once every mailbox has room.
func (h *hub) retryMailboxes(now int64) {
	for _, o := range h.n.hubs {
		if o.box.bytes.Load() > mailboxBytesMax/2 {
			h.retryAt = now + mailboxRetryAfter
			return
		}
	}
	h.retryAt = 0
	for _, c := range h.blocked {
		h.resume(c, pausedByMailbox)
	}
	h.blocked = h.blocked[:0]
}

// fromLink hands a frame that came from another node to the workers of this node that it is for. It runs on the home hub.
func (h *hub) fromLink(node uint8, f []byte, workers broker.WorkerSet) {
	for w := range h.n.hubs {
		if workers>>w&1 == 0 {
			continue
		}
		if w == int(h.index) {
			if h.m.busy { // it will be read later, and must not alias the link's memory then
				f = append([]byte(nil), f...)
			}
			h.step(router.Input{Kind: router.InFrame, Node: router.NodeSlot(node), Bytes: f})
			continue
		}
		if h.posts[w] == nil {
			h.posts[w] = h.n.pool.Get()
		}
		h.posts[w].Append(frame.Addr{Node: node}, f)
	}
}

// earlier is the earlier of two points in time, of which 0 means never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
