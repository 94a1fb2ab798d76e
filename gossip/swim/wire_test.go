package swim

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// On real sockets: three nodes find each other, and nothing of them is left when they have ended.
func TestLoopback(t *testing.T) {
	defer goleak.VerifyNone(t)
	told := make(chan string, 1024)
	node := func(name string, seeds ...string) *Swim {
		n, err := New(Config{
			Name: name, BindAddr: "127.0.0.1:0", Seeds: seeds, Key: DeriveKey([]byte("secret")),
			Tags: Tags{Life: Life{1, uint64(name[0])}, LinkAddr: ":7947", Proto: 1},
			OnEvent: func(e Event) {
				if e.Kind == EvMember && e.Alive {
					told <- name + " sees " + e.Name
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	a := node("a")
	b := node("b", a.Addr())
	c := node("c", "127.0.0.1:1", b.Addr())
	want := map[string]bool{"a sees b": true, "a sees c": true, "b sees a": true, "b sees c": true, "c sees a": true, "c sees b": true}
	for len(want) > 0 {
		delete(want, <-told)
	}
	c.Leave()
	for _, n := range []*Swim{a, b, c} {
		if err := n.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := errors.Join(n.Shutdown(), n.Leave()); err != nil {
			t.Error("a second end:", err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := Config{Name: "a", BindAddr: "127.0.0.1:0", Tags: Tags{Life: Life{1, 1}}, OnEvent: func(Event) {}}
	for what, change := range map[string]func(*Config){
		"name":         func(c *Config) { c.Name = "a b" },
		"long name":    func(c *Config) { c.Name = strings.Repeat("a", NameMax+1) },
		"key":          func(c *Config) { c.Key = make([]byte, 20) },
		"life":         func(c *Config) { c.Tags.Life = Life{} },
		"no receiver":  func(c *Config) { c.OnEvent = nil },
		"seed":         func(c *Config) { c.Seeds = []string{"host"} },
		"bind address": func(c *Config) { c.BindAddr = "nowhere" },
		"link address": func(c *Config) { c.Tags.LinkAddr = strings.Repeat("a", linkAddrMax+1) },
	} {
		c := good
		change(&c)
		if n, err := New(c); err == nil {
			n.Shutdown()
			t.Errorf("%s: taken", what)
		}
	}
}

func TestCheckSeed(t *testing.T) {
	for seed, ok := range map[string]bool{
		"host:7946": true, "10.0.0.1:1": true, "[::1]:7946": true, "srv+_kleeblatt._tcp.example": true, "file:/etc/seeds": true,
		"": false, "host": false, "host:": false, ":7946": false, "host:0": false, "host:65536": false, "host:http": false,
		"srv+": false, "file:": false, "::1:7946": false,
	} {
		if err := CheckSeed(seed); (err == nil) != ok {
			t.Errorf("%q: %v", seed, err)
		}
	}
}

// fakeDNS answers from two maps.
type fakeDNS struct {
	mu    sync.Mutex
	hosts map[string][]netip.Addr
	srv   map[string][]*net.SRV
}

func (f *fakeDNS) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ips := f.hosts[host]; ips != nil {
		return ips, nil
	}
	return nil, errors.New("no such host")
}

func (f *fakeDNS) set(host string, addrs ...netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hosts[host] = addrs
}

func (f *fakeDNS) LookupSRV(_ context.Context, _, _, name string) (string, []*net.SRV, error) {
	if s := f.srv[name]; s != nil {
		return name, s, nil
	}
	return "", nil, errors.New("no such service")
}

// A, AAAA, SRV and a watched file; itself is excluded; what cannot be resolved is said, and the rest used.
func TestSeeds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seeds")
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# ours\n\n10.0.0.9:1\n  two.example:7946 \nfile:/etc/passwd\n")
	two := []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd00::2")}
	dns := &fakeDNS{
		hosts: map[string][]netip.Addr{"two.example": two},
		srv:   map[string][]*net.SRV{"_k._tcp.example": {{Target: "two.example.", Port: 77}, {Target: "gone.example.", Port: 78}}},
	}
	n := &Swim{
		lookup: dns, log: newLibraryLog(nil), ctx: context.Background(), self: netip.MustParseAddrPort("10.0.0.1:7946"),
		cfg: Config{BindAddr: "10.0.0.1:7946", Seeds: []string{"two.example:7946", "10.0.0.1:7946", "srv+_k._tcp.example", "file:" + file, "10.0.0.9:1"}},
	}
	addrs, complete := n.resolveSeeds(n.ctx)
	var got []string
	for _, a := range addrs {
		got = append(got, a.String())
	}
	want := []string{"10.0.0.2:7946", "[fd00::2]:7946", "10.0.0.1:7946", "10.0.0.2:77", "[fd00::2]:77", "10.0.0.9:1"}
	if !slices.Equal(got, want) || complete {
		t.Errorf("got %v, %v", got, complete)
	}
	missing, _ := n.missing()
	if len(missing) != len(want)-1 || slices.ContainsFunc(missing, func(t target) bool { return t.addr == n.self }) {
		t.Errorf("missing %v", missing)
	}
	write("10.0.0.9:1\n")
	dns.hosts["two.example"] = two[:1]
	dns.srv["_k._tcp.example"] = dns.srv["_k._tcp.example"][:1]
	if addrs, complete = n.resolveSeeds(n.ctx); len(addrs) != 4 || !complete {
		t.Errorf("after the change: %v, %v", addrs, complete)
	}
}

func TestIsSelf(t *testing.T) {
	local := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.168.7.1")}
	for _, c := range []struct {
		bind, addr string
		self       bool
	}{
		{"0.0.0.0:7946", "192.168.7.1:7946", true},
		{"0.0.0.0:7946", "127.0.0.1:7946", true},
		{"0.0.0.0:7946", "192.168.7.1:7947", false},
		{"0.0.0.0:7946", "192.168.7.2:7946", false},
		{"192.168.7.1:7946", "192.168.7.1:7946", true},
		{"192.168.7.1:7946", "127.0.0.1:7946", false},
	} {
		n := &Swim{cfg: Config{BindAddr: c.bind}, self: netip.MustParseAddrPort("192.168.7.1:7946")}
		if got := n.isSelf(netip.MustParseAddrPort(c.addr), local); got != c.self {
			t.Errorf("bound to %s, %s: %v", c.bind, c.addr, got)
		}
	}
}

func TestGivesWay(t *testing.T) {
	old, young := tags{born: Life{1, 5}}, tags{born: Life{2, 1}}
	oldJoined, youngJoined := old, young
	oldJoined.joined, youngJoined.joined = true, true
	for _, c := range []struct{ stays, goes tags }{
		{old, young}, {oldJoined, youngJoined}, {oldJoined, young}, {youngJoined, old},
	} {
		if givesWay(c.stays, c.goes) || !givesWay(c.goes, c.stays) {
			t.Errorf("%+v and %+v disagree", c.stays, c.goes)
		}
	}
}

func TestMailboxCoalesces(t *testing.T) {
	m := newMailbox()
	for i := range uint64(100) {
		m.put(Event{Kind: EvProbe, Name: "a", RTT: time.Duration(i)})
		m.put(Event{Kind: EvHead, Name: "a", Life: Life{1, 1}, Version: (i * 37) % 100})
		m.put(Event{Kind: EvHead, Name: "b", Life: Life{100 - i, 1}, Version: i})
	}
	m.put(Event{Kind: EvMember, Name: "a", Alive: true})
	m.put(Event{Kind: EvMember, Name: "a"})
	want := []Event{
		{Kind: EvProbe, Name: "a", RTT: 99},
		{Kind: EvHead, Name: "a", Life: Life{1, 1}, Version: 99},
		{Kind: EvHead, Name: "b", Life: Life{100, 1}},
		{Kind: EvMember, Name: "a", Alive: true}, {Kind: EvMember, Name: "a"},
	}
	if got := m.take(nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	m.put(Event{Kind: EvProbe, Name: "a"})
	if got := m.take(nil); len(got) != 1 {
		t.Errorf("after take: %+v", got)
	}
}

func TestHeadInterval(t *testing.T) {
	for members, want := range map[int]time.Duration{1: headIntervalMin, 4: headIntervalMin, 5: 250 * time.Millisecond, 64: 3200 * time.Millisecond} {
		if got := headInterval(members); got != want {
			t.Errorf("%d members: %v, want %v", members, got, want)
		}
	}
}

func TestLibraryLog(t *testing.T) {
	var buf bytes.Buffer
	l := newLibraryLog(slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelInfo})))
	l.std.Print("[ERR] memberlist: broken")
	l.std.Print("[INFO] serf: chatter")
	l.std.Print("no level")
	for range 100 {
		l.std.Print("[WARN] memberlist: flood")
	}
	out := buf.String()
	if !strings.Contains(out, `level=WARN msg="memberlist: broken"`) || strings.Contains(out, "chatter") || !strings.Contains(out, `level=INFO msg="no level"`) {
		t.Error(out)
	}
	if n := strings.Count(out, "flood"); n > 2*linesPerSecond { // two seconds may have been touched
		t.Errorf("%d lines passed", n)
	}
	if d, ok := l.admit(1); d == 0 || !ok {
		t.Errorf("a new second: %d dropped, %v", d, ok)
	}
}

// Node names and the derived key are what other nodes of other versions derive: they must not change.
func TestDeriveKeyIsStable(t *testing.T) {
	a, b := DeriveKey([]byte("k")), DeriveKey([]byte("k"))
	if !bytes.Equal(a, b) || len(a) != 32 || bytes.Equal(a, DeriveKey([]byte("l"))) {
		t.Errorf("%x, %x", a, b)
	}
}

func TestTagsFit(t *testing.T) {
	big := tags{Tags: Tags{Life: Life{1<<64 - 1, 1<<64 - 1}, LinkAddr: strings.Repeat("a", linkAddrMax), Proto: 255}, born: Life{1<<64 - 1, 1}, joined: true}
	size := 8
	for k, v := range big.encode() {
		size += len(k) + len(v) + 6
	}
	if size > 512 {
		t.Errorf("tags may need %d bytes", size)
	}
	if got, err := parseTags(big.encode()); err != nil || got != big {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLinkAddr(t *testing.T) {
	for tag, want := range map[string]string{
		":7947": "10.0.0.1:7947", "0.0.0.0:7947": "10.0.0.1:7947", "[::]:7947": "10.0.0.1:7947",
		"10.1.1.1:5": "10.1.1.1:5", "name:5": "name:5", "": "", "unix:/x": "unix:/x",
	} {
		if got := linkAddr(tag, "10.0.0.1"); got != want {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}
}

func FuzzHead(f *testing.F) {
	f.Add(appendHead(nil, "node-1", Life{1 << 60, 77}, 12))
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		owner, life, version, err := parseHead(b)
		if err != nil {
			return
		}
		o, l, v, err := parseHead(appendHead(nil, owner, life, version))
		if o != owner || l != life || v != version || err != nil {
			t.Errorf("%x: %q %v %d, again %q %v %d %v", b, owner, life, version, o, l, v, err)
		}
	})
}

func FuzzTags(f *testing.F) {
	f.Add("18f.9ac3", "18f.9ac3", "10.0.0.1:1", "1")
	f.Add(".", "1.", "", "-1")
	f.Fuzz(func(t *testing.T, life, born, link, proto string) {
		a, err := parseTags(map[string]string{tagLife: life, tagBorn: born, tagLink: link, tagProto: proto})
		if err != nil {
			return
		}
		if b, err := parseTags(a.encode()); err != nil || a != b {
			t.Errorf("%+v, again %+v %v", a, b, err)
		}
		linkAddr(a.LinkAddr, "10.0.0.1")
	})
}

func FuzzAck(f *testing.F) {
	f.Add(appendAck(nil, Life{1, 2}, 3, []byte("digest")))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if life, view, digest, ok := parseAck(b); ok && !bytes.Equal(appendAck(nil, life, view, digest), b) {
			t.Errorf("%x: %v %x %x", b, life, view, digest)
		}
	})
}
