package router

import (
	"fmt"
	"testing"

	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// A history is a subscriber of its topic as long as it keeps, whoever else comes and goes, and has what it kept until it is dropped.
func TestEVH_14_AHistorySubscribesForItself(t *testing.T) {
	c := newCluster(t, 1, 1, 0, Limits{})
	n := c.nodes[0]
	a, b := c.member("a", 0, 0, wamp.JSON), c.member("b", 0, 0, wamp.JSON)
	h := &History{Topic: "t"}
	tell := func(level uint8) {
		n.feed(0, Input{Kind: InHistory, Realm: "r", History: h, Level: level})
		c.settle()
	}
	entry := func() *broker.Entry { return n.realms.Get("r").Cell.Load().Broker.Get(broker.Key{Topic: "t"}) }
	kept := func() int { return len(ParseHistory(n.workers[0].AppendHistory(nil, "r", h))) }
	tell(HistoryKeep)
	tell(HistoryKeep)
	if entry() == nil {
		t.Fatal("it is no subscriber")
	}
	publish := func(i int) { c.say(a, fmt.Sprintf(`[16,%d,{"acknowledge":true},"t",[1.5]]`, i)) }
	publish(1)
	c.say(b, `[32,1,{},"t"]`)
	publish(2)
	c.say(b, fmt.Sprintf(`[34,2,%d]`, entry().ID))
	publish(3)
	if entry() == nil || kept() != 3 {
		t.Fatalf("%d events are kept", kept())
	}
	tell(HistoryLapse)
	publish(4)
	if entry() != nil || kept() != 3 {
		t.Errorf("it keeps on: %d", kept())
	}
	tell(HistoryKeep)
	publish(5)
	if kept() != 4 {
		t.Errorf("%d events are kept", kept())
	}
	tell(HistoryDrop)
	if entry() != nil || kept() != 0 || len(n.workers[0].keptByID) != 0 {
		t.Error("it is still there")
	}
	n.feed(0, Input{Kind: InHistory, Realm: "r", History: h, Level: HistoryKeep})
	tell(HistoryDrop) // before the tables have answered
	if entry() != nil || len(n.workers[0].keptByID) != 0 {
		t.Error("it is there again")
	}
	c.dropAll()
	c.checkEmpty()
}

// FuzzHistory: what another node sends is read as far as it can be read.
func FuzzHistory(f *testing.F) {
	x := retainedFrame("t", 7, "admin")
	h := &keptHistory{History: broker.History{EventsMax: 9, BytesMax: 1 << 20}}
	h.Add(historyEvent(1, string(x)))
	w := &Worker{config: WorkerConfig{Realms: must(NewRealms(RealmConfig{Name: "r"}))}}
	w.histories = map[historyKey]*keptHistory{{realm: w.config.Realms.Get("r"), topic: "t"}: h}
	f.Add(w.AppendHistory(nil, "r", &History{Topic: "t"}))
	f.Add(AppendHistoryName(nil, "r", &History{Topic: "t", Match: wamp.Prefix}))
	f.Fuzz(func(t *testing.T, b []byte) {
		events := ParseHistory(b)
		q := Ask{Serializer: wamp.JSON, BytesMax: 1 << 20}
		q.Events(&History{}, broker.MergeHistories(events, events), new(codec.Transcoder))
		ParseHistoryName(b)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
