package conformance

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

// pollWire is advanced/transport_http_longpoll.md: what is written is a request, what is read the answer to one.
type pollWire struct {
	net.Conn // nothing is said on it, it only ends
	base     string
	ser      wamp.Serializer
	batched  bool
	query    string
	got      [][]byte // the rest of a batch
}

var pollClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// poll makes one request.
func poll(url string, body []byte) (status int, answer []byte, err error) {
	a, err := pollClient.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	defer a.Body.Close()
	answer, err = io.ReadAll(a.Body)
	return a.StatusCode, answer, err
}

// openPoll opens a transport with the first protocol that the node takes.
func (p *place) openPoll(home int, s wamp.Serializer, batched bool, offer ...string) *pollWire {
	p.Helper()
	u, err := url.Parse(p.nodes[home%len(p.nodes)].URLs()[0])
	if err != nil {
		p.Fatal(err)
	}
	w := &pollWire{base: "http://" + u.Host + "/longpoll/", ser: s, batched: batched}
	offer = append(offer, protocol(s, batched))
	body, err := json.Marshal(map[string][]string{"protocols": offer})
	if err != nil {
		p.Fatal(err)
	}
	status, answer, err := poll(w.base+"open", body)
	var out struct{ Protocol, Transport string }
	if err != nil || status != http.StatusOK || json.Unmarshal(answer, &out) != nil || out.Protocol != protocol(s, batched) || len(out.Transport) < 20 {
		p.Fatalf("open: %d %q, %v", status, answer, err)
	}
	w.base += out.Transport + "/"
	mine, other := net.Pipe()
	other.Close()
	w.Conn = mine
	return w
}

// pollPeer is a session over it.
func (p *place) pollPeer(name string, s wamp.Serializer, batched bool) *peer {
	p.Helper()
	home := p.count % len(p.nodes)
	p.count++
	w := p.openPoll(home, s, batched)
	q := &peer{t: p.T, name: name, conn: w, wire: w, ser: s, home: home}
	p.Cleanup(func() { w.Close() })
	return q
}

func (w *pollWire) Close() error {
	w.Conn.Close()
	_, _, err := poll(w.base+"close", nil)
	return err
}

func (w *pollWire) write(msgs ...[]byte) error {
	if w.batched {
		msgs = [][]byte{w.batch(msgs)}
	}
	for _, m := range msgs {
		status, answer, err := poll(w.base+"send"+w.query, m)
		if err == nil && status != http.StatusAccepted {
			err = fmt.Errorf("send: %d %q", status, answer)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *pollWire) batch(msgs [][]byte) (b []byte) {
	for _, m := range msgs {
		if w.ser == wamp.JSON {
			b = append(append(b, m...), 0x1e)
		} else {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(m))), m...)
		}
	}
	return b
}

func (w *pollWire) read() ([]byte, error) {
	for len(w.got) == 0 {
		status, answer, err := poll(w.base+"receive"+w.query, nil)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusNoContent:
			continue
		case status == http.StatusNotFound:
			return nil, io.EOF
		case status != http.StatusOK:
			return nil, fmt.Errorf("receive: %d %q", status, answer)
		}
		w.got = w.split(answer)
	}
	m := w.got[0]
	w.got = w.got[1:]
	return m, nil
}

func (w *pollWire) split(b []byte) (msgs [][]byte) {
	switch {
	case !w.batched:
		return [][]byte{b}
	case w.ser == wamp.JSON:
		return bytes.Split(bytes.TrimSuffix(b, []byte{0x1e}), []byte{0x1e})
	}
	for len(b) > 4 {
		n := binary.BigEndian.Uint32(b)
		msgs, b = append(msgs, b[4:4+n]), b[4+n:]
	}
	return msgs
}

// Through every protocol: sessions over HTTP join, publish, subscribe, call and are called like others, and leave.
func TestLPL_01_LPL_02_LPL_03_LPL_04_LPL_05_SessionsOverHTTP(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, s := range serializers {
			for i, batched := range []bool{false, true} {
				a := p.pollPeer("A", s, batched)
				a.wire.(*pollWire).query = []string{"", "?x=0.123"}[i]
				a.hello(realm, allRoles)
				b := p.join("B")
				uri := p.uri(fmt.Sprintf("%v-%t", s, batched))
				mine, theirs := a.subscribe(uri, `{}`), b.subscribe(uri, `{}`)
				a.register(uri, `{}`)
				p.settle()
				b.publish(uri, "", `,["ü",1.5,null],{"k":[true]}`)
				a.expect(`[36,%d,"*",{},["ü",1.5,null],{"k":[true]}]`, mine)
				a.publish(uri, "", `,[7]`)
				b.expect(`[36,%d,"*",{},[7]]`, theirs)
				call := b.call(uri, `{"receive_progress":true}`, `,[1]`)
				m := a.expect(`[68,"*","*",{"receive_progress":true},[1]]`)
				a.sendAll(fmt.Sprintf(`[70,%d,{"progress":true},[2]]`, num(m[1])), fmt.Sprintf(`[70,%d,{},[3]]`, num(m[1])))
				b.expect(`[50,%d,{"progress":true},[2]]`, call)
				b.expect(`[50,%d,{},[3]]`, call)
				for j := range 3 {
					b.publish(uri, "", fmt.Sprintf(`,[%d]`, j))
				}
				for j := range 3 {
					a.expect(`[36,%d,"*",{},[%d]]`, mine, j)
				}
				a.goodbye()
				b.refused(48, b.call(uri, `{}`, ""), noSuchProcedure)

				// LPL-04: closing is leaving.
				a = p.pollPeer("A2", s, batched).hello(realm, allRoles)
				a.register(uri, `{}`)
				p.settle()
				call = b.call(uri, `{}`, "")
				a.expect(`[68,"*","*",{}]`)
				if status, _, err := poll(a.wire.(*pollWire).base+"close?x=1", nil); status != http.StatusAccepted || err != nil {
					t.Errorf("close: %d, %v", status, err)
				}
				b.refused(48, call, canceled)
				a.ended()
			}
		}
	})
}

// LPL-02: one message at a time, or all that wait.
func TestLPL_02_OneMessageOrAll(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, batched := range []bool{false, true} {
			a, b := p.pollPeer("A", wamp.JSON, batched).hello(realm, allRoles), p.join("B")
			a.subscribe(p.uri("topic"), `{}`)
			last := p.join("last")
			last.subscribe(p.uri("topic"), `{}`)
			p.settle()
			for range 5 {
				b.publish(p.uri("topic"), "", "")
				last.expect(`[36,"*","*",{}]`)
			}
			w := a.wire.(*pollWire)
			for got := 0; got < 5; {
				if _, err := w.read(); err != nil {
					t.Fatal(err)
				}
				if !batched && len(w.got) > 0 {
					t.Error("several messages came at once")
				}
				got += 1 + len(w.got)
				w.got = nil
			}
			a.quiet()
		}
	})
}

// TestLPL_01: offers without a protocol that is known, and what is no offer.
func TestLPL_01_LPL_03_BAT_04_BadRequests(t *testing.T) {
	watched(t, func(p *place) {
		w := p.openPoll(0, wamp.JSON, false, "wamp.2.foo", "foo") // the first that is known counts
		base := strings.TrimSuffix(w.base, strings.Split(w.base, "/")[4]+"/")
		w.Close()
		for _, body := range []string{`{"protocols":["wamp.2.foo"]}`, `{"protocols":[]}`, `{}`, `{"protocols":"wamp.2.json"}`, `[`, ``} {
			if status, _, err := poll(base+"open", []byte(body)); status != http.StatusBadRequest || err != nil {
				t.Errorf("open with %q: %d, %v", body, status, err)
			}
		}
		for _, path := range []string{"receive", "send", "close"} {
			if status, _, err := poll(base+"AAAAAAAAAAAAAAAAAAAAAAAA/"+path, []byte(`[6,{},"a.b"]`)); status != http.StatusNotFound || err != nil {
				t.Errorf("%s of nothing: %d, %v", path, status, err)
			}
		}
		bad := func(s wamp.Serializer, batched bool, body string) *peer {
			q := p.pollPeer("Q", s, batched).hello(realm, allRoles)
			if status, _, err := poll(q.wire.(*pollWire).base+"send", []byte(body)); status != http.StatusBadRequest || err != nil {
				t.Errorf("send of %q: %d, %v", body, status, err)
			}
			return q
		}
		for _, body := range []string{`not json`, `{}`, `[99]`, `[32,"1",{},"a.b"]`} {
			bad(wamp.JSON, false, body).aborted(violation) // as everywhere
		}
		bad(wamp.JSON, false, ``).ended()
		bad(wamp.JSON, true, ``).ended()
		bad(wamp.JSON, true, "\x1e").ended()
		bad(wamp.JSON, true, `[6,{},"a.b"]`).ended()
		bad(wamp.CBOR, true, "\x00\x00\x00").ended()
		bad(wamp.MsgPack, true, "\xff\xff\xff\xff\x01").ended()
		bad(wamp.MsgPack, true, "\x00\x00\x00\x00").ended()
		q := p.pollPeer("Q", wamp.JSON, false).hello(realm, allRoles)
		if status, _, _ := poll(q.wire.(*pollWire).base+"else", nil); status != http.StatusNotFound {
			t.Errorf("an unknown verb: %d", status)
		}
		q.quiet()
	})
}

// TestLPL_06: of two who receive at a time the later one counts. A message is never received twice.
func TestLPL_06_TheLaterReceiveCounts(t *testing.T) {
	here(t, func(p *place) {
		a, b := p.pollPeer("A", wamp.JSON, false).hello(realm, allRoles), p.join("B")
		a.subscribe(p.uri("topic"), `{}`)
		type answer struct {
			status int
			body   []byte
		}
		receive := func() chan answer {
			got := make(chan answer, 1)
			go func() {
				status, body, _ := poll(a.wire.(*pollWire).base+"receive", nil)
				got <- answer{status, body}
			}()
			return got
		}
		first := receive()
		second := receive()
		var held chan answer
		select { // whichever came first is over
		case x := <-first:
			held = second
			if x.status != http.StatusNoContent {
				t.Errorf("the earlier one got %d %q", x.status, x.body)
			}
		case x := <-second:
			held = first
			if x.status != http.StatusNoContent {
				t.Errorf("the earlier one got %d %q", x.status, x.body)
			}
		}
		b.publish(p.uri("topic"), "", `,["once"]`)
		if x := <-held; x.status != http.StatusOK || !strings.Contains(string(x.body), `["once"]`) {
			t.Errorf("%d %q", x.status, x.body)
		}
		a.quiet()
	})
}
