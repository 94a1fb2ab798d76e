package baseline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const (
	// applyTimeout is how long the leader tries with an entry or a change of the cluster before it is asked again.
	applyTimeout = 2 * time.Second
	// retryAfter is the pause before a proposal is tried again: short against an election.
	retryAfter = 10 * time.Millisecond
	// connectionsKept is how many idle connections to each other node the library keeps.
	connectionsKept = 3
)

// raftLog is the log as the library keeps it, in memory. It implements journal.
type raftLog struct {
	name    string
	self    place
	style   style
	raft    *raft.Raft
	stream  *stream
	wire    *raft.NetworkTransport
	lines   hclog.Logger // the library's, which go to the node's log
	home    func(f func())
	take    func(*entry) // on the home loop, like the next two
	reset   func(*table)
	table   func() *table
	gateway atomic.Pointer[string] // node 0's address, of the 2019 design

	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup
	orders chan order
}

// order is an entry to be proposed.
type order struct {
	b     []byte
	until time.Time
}

var (
	errNoLeader = errors.New("nobody is known to lead")
	errUnheard  = errors.New("whoever leads did not take it")
	errClosed   = errors.New("the log is closed")
)

// openLog makes a node's end of the log; host is where it listens.
func openLog(host, name string, epoch uint64, founds bool, st style, out *slog.Logger) (l *raftLog, err error) {
	l = &raftLog{name: name, style: st, orders: make(chan order, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if l.stream, err = listen(host, l.proposed); err != nil {
		return nil, err
	}
	l.self = place{addr: l.stream.Addr().String(), epoch: epoch, founds: founds}
	l.lines = hclog.New(&hclog.LoggerOptions{Output: slogWriter{out}, Level: hclog.Warn, DisableTime: true})
	l.wire = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: l.stream, MaxPool: connectionsKept, Timeout: applyTimeout, Logger: l.lines,
	})
	return l, nil
}

// start begins, with l's callbacks set.
func (l *raftLog) start() (err error) {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(serverID(l.name, l.self.epoch))
	c.BatchApplyCh = true
	c.ShutdownOnRemove = false
	c.Logger = l.lines
	l.style.tune(c)
	store := raft.NewInmemStore()
	if l.raft, err = raft.NewRaft(c, (*machine)(l), store, store, raft.NewInmemSnapshotStore(), l.wire); err != nil {
		l.close()
		return fmt.Errorf("log: %w", err)
	}
	l.stream.serve()
	l.group.Go(l.sendAll)
	return nil
}

func serverID(name string, epoch uint64) string { return name + "/" + strconv.FormatUint(epoch, 36) }

// found implements journal.
func (l *raftLog) found() {
	l.group.Go(func() {
		self := raft.Server{ID: raft.ServerID(serverID(l.name, l.self.epoch)), Address: raft.ServerAddress(l.self.addr)}
		l.raft.BootstrapCluster(raft.Configuration{Servers: []raft.Server{self}}) // an error: there is a cluster, and we are in it
	})
}

// meet implements journal.
func (l *raftLog) meet(_ string, p place, alive bool) {
	if p.founds && alive {
		l.gateway.Store(&p.addr)
	}
}

// leads implements journal.
func (l *raftLog) leads() bool { return l.raft.State() == raft.Leader }

// led implements journal.
func (l *raftLog) led() bool {
	addr, _ := l.raft.LeaderWithID()
	return addr != ""
}

// servers implements journal.
func (l *raftLog) servers() (out []server) {
	f := l.raft.GetConfiguration()
	if f.Error() != nil {
		return nil
	}
	for _, s := range f.Configuration().Servers {
		name, epoch, _ := strings.Cut(string(s.ID), "/")
		n, err := strconv.ParseUint(epoch, 36, 64)
		if err != nil {
			continue // none of ours
		}
		out = append(out, server{
			place: place{addr: string(s.Address), epoch: n}, name: name, voter: s.Suffrage == raft.Voter, leader: name == l.name && n == l.self.epoch,
		})
	}
	return out
}

// do implements journal.
func (l *raftLog) do(j job, done func()) {
	l.group.Go(func() {
		id, addr := raft.ServerID(serverID(j.server.name, j.server.epoch)), raft.ServerAddress(j.server.addr)
		var f raft.Future
		switch j.kind {
		case addServer:
			f = l.raft.AddNonvoter(id, addr, 0, applyTimeout)
		case promote:
			f = l.raft.AddVoter(id, addr, 0, applyTimeout)
		case removeServer:
			f = l.raft.RemoveServer(id, 0, applyTimeout)
		case purgeRows:
			f = l.raft.Apply(j.purge.append(nil), applyTimeout)
		}
		f.Error() // what did not succeed is still due
		l.home(done)
	})
}

// propose implements journal.
func (l *raftLog) propose(e *entry, until time.Time) {
	select {
	case <-l.orders: // its time is over
	default:
	}
	l.orders <- order{e.append(nil), until}
}

// sendAll proposes one entry after the other to whoever leads, over one connection.
func (l *raftLog) sendAll() {
	s := sender{l: l}
	defer s.hangUp()
	for {
		select {
		case o := <-l.orders:
			for time.Now().Before(o.until) && l.ctx.Err() == nil && len(l.orders) == 0 && s.send(&o) != nil {
				s.pause()
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// sender is the connection to whom proposals go at present.
type sender struct {
	l    *raftLog
	addr string
	conn net.Conn
}

func (s *sender) send(o *order) error {
	addr := s.l.whom()
	switch addr {
	case "":
		return errNoLeader
	case s.l.self.addr:
		return s.l.proposed(o.b)
	}
	if err := s.reach(addr); err != nil {
		return err
	}
	until := time.Now().Add(applyTimeout)
	if o.until.Before(until) {
		until = o.until
	}
	s.conn.SetDeadline(until)
	b := binary.BigEndian.AppendUint32(nil, uint32(len(o.b)))
	var answer [1]byte
	if _, err := s.conn.Write(append(b, o.b...)); err != nil {
		s.hangUp()
		return err
	}
	if _, err := io.ReadFull(s.conn, answer[:]); err != nil {
		s.hangUp()
		return err
	}
	if answer[0] != 1 {
		return errUnheard
	}
	return nil
}

func (s *sender) reach(addr string) error {
	if s.addr == addr && s.conn != nil {
		return nil
	}
	s.hangUp()
	c, err := dial(addr, dialTimeout, forProposals)
	if err != nil {
		return err
	}
	if !s.l.stream.keep(c) {
		return errClosed
	}
	s.addr, s.conn = addr, c
	return nil
}

func (s *sender) hangUp() {
	if s.conn != nil {
		s.l.stream.forget(s.conn)
		s.conn.Close()
		s.conn = nil
	}
}

func (s *sender) pause() {
	t := time.NewTimer(retryAfter)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.l.ctx.Done():
	}
}

// whom is where our proposals go, "" for nowhere at present.
func (l *raftLog) whom() string {
	if l.style.gateway && !l.self.founds {
		if addr := l.gateway.Load(); addr != nil {
			return *addr
		}
		return ""
	}
	addr, _ := l.raft.LeaderWithID()
	return string(addr)
}

// proposed puts an entry into the log; where node 0 is the gateway and does not lead, it passes it on.
func (l *raftLog) proposed(b []byte) error {
	if l.style.gateway && l.self.founds && !l.leads() {
		s := sender{l: l}
		defer s.hangUp()
		if l.whom() == l.self.addr {
			return errNoLeader
		}
		return s.send(&order{b, time.Now().Add(applyTimeout)})
	}
	return l.raft.Apply(b, applyTimeout).Error()
}

// close implements journal. The library is shut down after everything that asks it something: whoever it still owes an answer by then never
// gets one. Without its port it leads no longer than its lease, and so answers all before.
func (l *raftLog) close() {
	l.cancel()
	l.wire.Close() // and with it the port
	l.group.Wait()
	l.stream.wait()
	if l.raft != nil {
		l.raft.Shutdown().Error()
	}
}

// machine is raftLog as the library's state machine: entries go to the home loop, in their order.
type machine raftLog

// Apply implements raft.FSM.
func (m *machine) Apply(x *raft.Log) any {
	if e, err := parseEntry(x.Data); err == nil {
		m.home(func() { m.take(&e) })
	}
	return nil
}

// Snapshot implements raft.FSM.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	got := make(chan []byte, 1)
	m.home(func() { got <- m.table().snapshot() })
	select {
	case b := <-got:
		return snapshot(b), nil
	case <-m.ctx.Done():
		return nil, errClosed
	}
}

// Restore implements raft.FSM.
func (m *machine) Restore(r io.ReadCloser) error {
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	t, err := restore(b)
	if err != nil {
		return err
	}
	m.home(func() { m.reset(t) })
	return nil
}

// snapshot is an encoded table.
type snapshot []byte

// Persist implements raft.FSMSnapshot.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(s); err != nil {
		sink.Cancel()
		return err
	}
	return sink.Close()
}

// Release implements raft.FSMSnapshot.
func (snapshot) Release() {}

// slogWriter takes the library's lines to the node's log.
type slogWriter struct{ to *slog.Logger }

// Write implements io.Writer.
func (w slogWriter) Write(b []byte) (int, error) {
	w.to.Warn("raft: " + strings.TrimSpace(string(b)))
	return len(b), nil
}
