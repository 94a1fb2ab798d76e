package router

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// testTestament is one that says its own name.
func testTestament(session uint64, scope Scope, place uint64, id uint64) string {
	_, p := codec.AppendPayload(nil, wamp.MsgPack, []any{fmt.Sprint(session, ".", scope, ".", place)}, nil)
	f := frame{kind: frameTestament, realm: []byte("r"), uri: []byte("t.end"), id: id, serializer: wamp.MsgPack, payload: p}
	return string(AppendTestament(nil, &Element{Realm: "r", Session: session, Scope: scope, Place: place, Frame: string(appendFrame(nil, &f))}))
}

// What a node that is gone leaves behind is told once, in order, ahead of the leaves; and not what was published, taken back or told untrue.
func TestTST_09_TestamentsOfANodeThatIsGone(t *testing.T) {
	const node = NodeSlot(3)
	add := func(e *ear, elements ...string) {
		for _, x := range elements {
			if err := e.d.RemoteAdd(node, x); err != nil {
				t.Fatal(err)
			}
		}
	}
	one := []string{
		testTestament(2, Destroyed, 0, 11), testTestament(1, Destroyed, 0, 12), testTestament(1, Destroyed, 2, 13), testTestament(1, Detached, 1, 14),
	}
	all := []string{"1.0.1", "1.1.0", "1.1.2", "2.1.0"}
	for name, c := range map[string]struct {
		do   func(e *ear)
		want []string
	}{
		"all":      {func(*ear) {}, all},
		"one less": {func(e *ear) { e.d.RemoteRemove(node, one[2]) }, []string{all[0], all[1], all[3]}},
		"published": {func(e *ear) {
			e2, _ := ParseElement(one[0])
			e.d.Published(node, []byte(e2.Frame))
			e.d.Published(node+1, []byte("\x01"))
		}, all[:3]},
		"published by another": {func(e *ear) { e2, _ := ParseElement(one[0]); e.d.Published(node+1, []byte(e2.Frame)) }, all},
		"cut off, back with less": {func(e *ear) {
			e.d.Show(node)
			add(e, one[1:]...)
			e.d.Reached(node)
		}, all[:3]},
		"cut off, back with more": {func(e *ear) {
			e.d.Show(node)
			add(e, one...)
			add(e, testTestament(9, Detached, 0, 99))
			e.d.Reached(node)
		}, append(slices.Clone(all), "9.0.0")},
		"gone in the midst of coming back": {func(e *ear) {
			e.d.Show(node)
			add(e, one[0])
		}, all},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEar(t, false)
			add(e, one...)
			add(e, testSession(1))
			c.do(e)
			if got := e.listen(); strings.Contains(fmt.Sprint(got), "t.end") {
				t.Fatalf("heard %v of a node that is there", got)
			}
			e.d.Gone(node)
			got := e.listen()
			var want []string
			for _, w := range c.want {
				want = append(want, "t.end["+w+"]")
			}
			if strings.HasPrefix(name, "cut off") { // the session was not told anew
				got = slices.DeleteFunc(got, func(s string) bool { return s == "-1" })
			} else {
				want = append(want, "-1")
			}
			if !slices.Equal(got, want) {
				t.Errorf("heard %v, want %v", got, want)
			}
			e.d.Gone(node)
			if got := e.listen(); len(got) != 0 {
				t.Errorf("heard again: %v", got)
			}
		})
	}
}

// What another node sends is refused where it is no testament.
func TestTestamentsThatAreNone(t *testing.T) {
	e := newEar(t, false)
	publish := appendFrame(nil, &frame{kind: framePublish, realm: []byte("r"), uri: []byte("t"), serializer: wamp.MsgPack})
	for _, f := range []string{"", "x", string(publish), string(publish[:5])} {
		x := string(AppendTestament(nil, &Element{Realm: "r", Session: 1, Frame: f}))
		if e.d.RemoteAdd(1, x) == nil {
			t.Errorf("%q is taken", f)
		}
		e.d.RemoteRemove(1, x)
		e.d.Published(1, []byte(f))
	}
	e.d.Gone(1)
	if e.listen(); e.d.Unknown() != 4 {
		t.Errorf("%d were counted", e.d.Unknown())
	}
}
