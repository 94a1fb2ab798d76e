package longpoll

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kleeblatt/internal/wamp"
)

// far is the other ends of a Server's connections: it greets, and does what the test does.
type far struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (f *far) dial() (net.Conn, error) {
	mine, theirs := net.Pipe()
	go func() {
		var hello [4]byte
		if _, err := io.ReadFull(theirs, hello[:]); err == nil {
			theirs.Write(hello[:])
		}
		f.mu.Lock()
		f.conns = append(f.conns, theirs)
		f.mu.Unlock()
	}()
	return mine, nil
}

func (f *far) conn(i int) net.Conn {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns[i]
}

func (f *far) say(t *testing.T, i int, m string) {
	t.Helper()
	c := f.conn(i)
	if _, err := c.Write(append([]byte{0, 0, byte(len(m) >> 8), byte(len(m))}, m...)); err != nil {
		t.Fatal(err)
	}
}

// post is a request from an address.
func post(s *Server, from, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, Prefix+path, strings.NewReader(body))
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const home, away, neighbour = "127.0.0.1:9", "192.0.2.7:9", "192.0.2.6:9"

func open(t *testing.T, s *Server, from string) string {
	t.Helper()
	w := post(s, from, "open", `{"protocols":["wamp.2.json"]}`)
	_, id, ok := strings.Cut(w.Body.String(), `"transport":"`)
	if w.Code != http.StatusOK || !ok {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	id, _, _ = strings.Cut(id, `"`)
	return id
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d %q, not %d", w.Code, w.Body, status)
	}
}

// A receive without news ends after a while, and the next one gets what came meanwhile.
func TestLPL06HeldForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(far)
		s := New(Config{Dial: f.dial, BodyBytes: 1 << 20})
		id := open(t, s, home)
		before := time.Now()
		want(t, post(s, home, id+"/receive", ""), http.StatusNoContent)
		if d := time.Since(before); d != holdTime {
			t.Errorf("held for %v", d)
		}
		f.say(t, 0, `[1]`)
		f.say(t, 0, `[2]`)
		for _, m := range []string{`[1]`, `[2]`} {
			if w := post(s, home, id+"/receive?x=1", ""); w.Body.String() != m {
				t.Errorf("%q, not %s", w.Body, m)
			}
		}
		// What was said last is received before the end is told.
		f.say(t, 0, `[6]`)
		f.conn(0).Close()
		if w := post(s, home, id+"/receive", ""); w.Body.String() != `[6]` {
			t.Errorf("%q, not [6]", w.Body)
		}
		want(t, post(s, home, id+"/receive", ""), http.StatusNotFound)
		s.Close()
	})
}

// A client that is gone leaves nothing behind; one that polls stays.
func TestLPL06LostClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(far)
		s := New(Config{Dial: f.dial, BodyBytes: 1 << 20})
		lost, there := open(t, s, home), open(t, s, home)
		for range 10 {
			want(t, post(s, home, there+"/receive", ""), http.StatusNoContent)
		}
		want(t, post(s, home, lost+"/receive", ""), http.StatusNotFound)
		if _, err := f.conn(0).Read(make([]byte, 1)); err == nil {
			t.Error("the connection of the lost one is open")
		}
		s.mu.Lock()
		if len(s.transports) != 1 {
			t.Errorf("%d transports", len(s.transports))
		}
		s.mu.Unlock()
		want(t, post(s, home, there+"/close", ""), http.StatusAccepted)
		want(t, post(s, home, there+"/close", ""), http.StatusNotFound)
		s.Close()
		want(t, post(s, home, "open", `{"protocols":["wamp.2.json"]}`), http.StatusServiceUnavailable)
	})
}

// What nobody receives waits in the router, up to a bound here.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(far)
		s := New(Config{Dial: f.dial, BodyBytes: 1 << 20})
		id := open(t, s, home)
		c, m := f.conn(0), strings.Repeat("x", 60_000)
		c.SetWriteDeadline(time.Now().Add(time.Second))
		sent := 0
		for {
			if _, err := c.Write(append([]byte{0, 0, byte(len(m) >> 8), byte(len(m) & 255)}, m...)); err != nil {
				break
			}
			sent++
		}
		if sent*len(m) > queueBytes+2*len(m) || sent*len(m) < queueBytes/2 {
			t.Errorf("%d messages were taken", sent)
		}
		want(t, post(s, home, id+"/receive", ""), http.StatusOK)
		s.Close()
	})
}

// One address gets so many transports; loopback is not counted. A page of another site gets none.
func TestBoundsOfAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(far)
		s := New(Config{Dial: f.dial, BodyBytes: 1 << 20, PerAddress: 2, NoContent: true, Address: func(a netip.Addr) (uint64, bool) {
			return uint64(a.As4()[3]) &^ 1, a.IsLoopback() // two neighbours are one site
		}})
		for range 5 {
			open(t, s, home)
		}
		id := open(t, s, away)
		open(t, s, away)
		want(t, post(s, away, "open", `{"protocols":["wamp.2.json"]}`), http.StatusServiceUnavailable)
		want(t, post(s, neighbour, "open", `{"protocols":["wamp.2.json"]}`), http.StatusServiceUnavailable)
		open(t, s, "192.0.2.10:9")
		want(t, post(s, away, id+"/close", ""), http.StatusNoContent)
		open(t, s, away)
		want(t, post(s, away, "open", strings.Repeat(" ", openBytesMax+1)), http.StatusRequestEntityTooLarge)

		r := httptest.NewRequest(http.MethodPost, Prefix+"open", strings.NewReader(`{"protocols":["wamp.2.json"]}`))
		r.Header.Set("Origin", "https://elsewhere.example")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		want(t, w, http.StatusForbidden)
		w = httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, Prefix+"open", nil))
		want(t, w, http.StatusMethodNotAllowed)
		s.Close()
	})
}

// slowReader is a client that does not read its answer: a write ends with its deadline only.
type slowReader struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *slowReader) SetWriteDeadline(at time.Time) error { w.deadline = at; return nil }

func (w *slowReader) Write([]byte) (int, error) {
	if w.deadline.IsZero() {
		select {}
	}
	<-time.After(time.Until(w.deadline))
	return 0, os.ErrDeadlineExceeded
}

// A client that does not read its answer has lost what was in it: its transport ends.
func TestAnswerThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(far)
		s := New(Config{Dial: f.dial, BodyBytes: 1 << 20})
		id := open(t, s, home)
		f.say(t, 0, `[1]`)
		s.ServeHTTP(&slowReader{ResponseRecorder: httptest.NewRecorder()}, httptest.NewRequest(http.MethodPost, Prefix+id+"/receive", nil))
		want(t, post(s, home, id+"/receive", ""), http.StatusNotFound)
		if _, err := f.conn(0).Read(make([]byte, 1)); err == nil {
			t.Error("its connection is open")
		}
		s.Close()
	})
}

// So many bodies are read at a time, whoever sends them.
func TestSendsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(far)
		s := New(Config{Dial: f.dial, BodyBytes: 1 << 20})
		id := open(t, s, home)
		var slow []*io.PipeWriter
		var all sync.WaitGroup
		for range sendsMax {
			body, w := io.Pipe()
			slow = append(slow, w)
			all.Go(func() {
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, Prefix+id+"/send", body))
			})
		}
		synctest.Wait()
		want(t, post(s, home, id+"/send", `[1]`), http.StatusServiceUnavailable)
		for _, w := range slow {
			w.CloseWithError(io.ErrUnexpectedEOF)
		}
		all.Wait()
		s.Close()
	})
}

// Whatever a body holds: what split takes, join makes again.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("[1]\x1e[2]\x1e"), byte(0))
	f.Add([]byte("\x00\x00\x00\x01x\x00\x00\x00\x02yz"), byte(1))
	f.Add([]byte("\xff\xff\xff\xff"), byte(2))
	f.Fuzz(func(t *testing.T, body []byte, which byte) {
		p := protocol{serializer: []wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR}[which%3], batched: true}
		msgs, err := p.split(body)
		if err != nil {
			return
		}
		if len(msgs) == 0 || !bytes.Equal(p.join(msgs), body) {
			t.Errorf("%q became %q", body, msgs)
		}
	})
}
