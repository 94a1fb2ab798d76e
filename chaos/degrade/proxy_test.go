package degrade

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// arrivals records what comes and when.
type arrivals struct {
	mu    sync.Mutex
	began time.Time
	at    []time.Duration
	bytes []byte
}

func (a *arrivals) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Since(a.began))
	a.bytes = append(a.bytes, b...)
	return len(b), nil
}

func (a *arrivals) CloseWrite() error { return nil }

// TestPump: in virtual time, the same seed moves the same bytes at the same times, and another seed at others.
func TestPump(t *testing.T) {
	sent := bytes.Repeat([]byte("kleeblatt"), 40_000)
	run := func(seed uint64) (times []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			profile, _ := Named("3g")
			p := &Proxy{opt: Options{Profile: profile, Seed: seed}, began: time.Now()}
			p.lines = newLines(&p.opt.Profile, seed)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			to := &arrivals{began: p.began}
			p.pump(ctx, cancel, to, bytes.NewReader(sent), p.flow("tcp", 0, 0, There), There)
			if !bytes.Equal(to.bytes, sent) {
				t.Errorf("%d bytes became %d others", len(sent), len(to.bytes))
			}
			times = to.at
		})
		return times
	}
	one := run(1)
	if again := run(1); !slices.Equal(one, again) {
		t.Errorf("seed 1: %v, then %v", one, again)
	}
	if two := run(2); slices.Equal(one, two) {
		t.Errorf("seeds 1 and 2: %v", one)
	}
	if least := time.Duration(len(sent)) * time.Second / 190_000; one[len(one)-1] < least {
		t.Errorf("%d bytes took %v, less than %v", len(sent), one[len(one)-1], least)
	}
}

// TestCourier: datagrams are delivered each at its time, those of one time in the order in which they were posted.
func TestCourier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		to := &arrivals{began: began}
		ctx, cancel := context.WithCancel(t.Context())
		c := newCourier(to, func() { t.Error("refused") })
		done := make(chan struct{})
		go func() { c.run(ctx); close(done) }()
		for _, x := range []struct {
			at   time.Duration
			text string
		}{{30, "d"}, {10, "b"}, {20, "c"}, {10, "B"}, {0, "a"}} {
			c.post(began.Add(x.at*time.Millisecond), []byte(x.text))
		}
		time.AfterFunc(time.Second, cancel)
		<-done
		want := []time.Duration{0, 10, 10, 20, 30}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if string(to.bytes) != "abBcd" || !slices.Equal(to.at, want) {
			t.Errorf("%q at %v", to.bytes, to.at)
		}
		for range pendingMax {
			if !c.post(began.Add(time.Hour), nil) {
				t.Fatal("no room")
			}
		}
		if c.post(began, nil) {
			t.Error("there is room for more than pendingMax")
		}
	})
}

func start(t *testing.T, opt Options) *Proxy {
	t.Helper()
	p, err := Listen(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Serve(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

// rough is bad in every way, but quick.
var rough = Profile{Name: "rough", Delay: time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.02, Duplicate: 0.2, Reorder: 0.1, ReorderBy: 5 * time.Millisecond,
	Bandwidth: 20_000_000, Clog: Spell{20 * time.Millisecond, 50 * time.Millisecond, time.Millisecond, 20 * time.Millisecond}}

// TestStreams: what comes out of a stream is what went in, both ways, up to the end of each.
func TestStreams(t *testing.T) {
	text := bytes.Repeat([]byte("kleeblatt."), 30_000)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				h := sha256.New()
				n, _ := io.Copy(h, c) // to its end
				c.Write(h.Sum(text[:n]))
			}()
		}
	}()
	p := start(t, Options{Profile: rough, Seed: 1, Pairs: []Pair{{"127.0.0.1:0", ln.Addr().String()}}})
	var work sync.WaitGroup
	for range 3 {
		work.Go(func() {
			c, err := net.Dial("tcp", p.Addr(0))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			c.Write(text)
			c.(*net.TCPConn).CloseWrite()
			got, err := io.ReadAll(c)
			sum := sha256.Sum256(text)
			if want := slices.Concat(text, sum[:]); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes came back, want %d: %v", len(got), len(want), err)
			}
		})
	}
	work.Wait()
	if s := p.Stats(); s[There].Connections != 3 || s[There].Bytes != 900_000 || s[Back].Bytes != 3*(300_000+sha256.Size) {
		t.Errorf("%+v", s)
	}
}

// TestNobody: a connection to a node that is not there ends, like one to a port on which nobody listens.
func TestNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	p := start(t, Options{Profile: rough, Pairs: []Pair{{"127.0.0.1:0", ln.Addr().String()}}})
	c, err := net.Dial("tcp", p.Addr(0))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestDatagrams: each one that comes is one that was sent to that address; some are lost, some come twice, and the proxy counts them.
func TestDatagrams(t *testing.T) {
	echo, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := echo.ReadFrom(b)
			if err != nil {
				return
			}
			echo.WriteTo(b[:n], from)
		}
	}()
	p := start(t, Options{Profile: rough, Seed: 7, Pairs: []Pair{{"127.0.0.1:0", echo.LocalAddr().String()}}})
	const peers, each = 4, 40
	var work sync.WaitGroup
	for i := range byte(peers) {
		work.Go(func() {
			c, err := net.Dial("udp", p.Addr(0))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			came := map[byte]int{}
			b := make([]byte, 100)
			for n := range byte(each) {
				c.Write([]byte{i, n})
				for came[n] == 0 { // until it comes, however often it is lost
					c.SetReadDeadline(time.Now().Add(25 * time.Millisecond))
					if k, err := c.Read(b); err != nil {
						c.Write([]byte{i, n})
						continue
					} else if k != 2 || b[0] != i || b[1] > n {
						t.Errorf("peer %d got %v", i, b[:k])
						return
					}
					came[b[1]]++
				}
			}
		})
	}
	work.Wait()
	s := p.Stats()
	if s[There].Datagrams < peers*each || s[There].Lost == 0 || s[There].Twice == 0 || s[Back].Datagrams < peers*each || s[There].Dropped+s[Back].Dropped > 0 {
		t.Errorf("%+v", s)
	}
}

func TestListen(t *testing.T) {
	for name, opt := range map[string]Options{
		"nothing": {}, "no port": {Pairs: []Pair{{"127.0.0.1:0", "127.0.0.1"}}}, "nowhere": {Pairs: []Pair{{"127.0.0.1:0", "127.0.0.1:1"}, {"256.0.0.1:1", "127.0.0.1:1"}}},
		"profile": {Profile: Profile{Loss: 2}, Pairs: []Pair{{"127.0.0.1:0", "127.0.0.1:1"}}},
	} {
		if _, err := Listen(opt); err == nil {
			t.Errorf("%s is listened on", name)
		}
	}
}
