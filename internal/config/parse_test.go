package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the files in testdata")

func testEnv() env {
	return env{
		hostname: func() (string, error) { return "Box.example.org", nil },
		suffix:   func() string { return "k7m2q" },
		cpus:     func() int { return 4 },
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustParse(t *testing.T, words ...string) Config {
	t.Helper()
	c, err := parse(words, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	got := mustParse(t)
	want := Config{
		Name:   "box-k7m2q",
		Listen: []Listener{{URL: "ws://127.0.0.1:8080/ws", Scheme: "ws", Addr: "127.0.0.1:8080", Path: "/ws"}},
		Realms: []Realm{{Name: "realm1", Conflict: Revoke}}, Anonymous: "anonymous", SlowConsumer: Disconnect, LongPoll: LongPollOff,
		Gossip: "127.0.0.1:7946", Link: "127.0.0.1:7947", SameHost: OverUnix, Directory: Replicate,
		Admin: "127.0.0.1:9090", Workers: 4, LogLevel: slog.LevelInfo, LogFormat: Auto,
		Limits: Limits{
			MessageBytes: 16 << 20, FirstMessageBytes: 64 << 10, HandshakeTimeout: 10 * time.Second, HelloTimeout: 10 * time.Second,
			Connections: 1 << 20, ConnectionsPerAddress: 4096, OutboxBytes: 8 << 20, OutboxTotalBytes: 1 << 30, PauseTime: 50 * time.Millisecond,
			SubscriptionsPerSession: 1 << 16, RegistrationsPerSession: 1 << 16, RealmsOnDemand: 4096, BodyBytes: 1 << 20, CallsPerSession: 1 << 14, InvocationsPerSession: 1 << 16,
			TestamentsPerSession: 16, TestamentBytes: 64 << 10, RetainedEvents: 1 << 16, RetainedBytes: 32 << 20,
			Rate:         200000,
			PingInterval: 30 * time.Second, PongTimeout: 30 * time.Second,
		},
		Cluster: Cluster{LeaveGrace: 30 * time.Second, Retain: 10 * time.Minute, RetainBytes: 64 << 20},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The same configuration, once as flags and once as a file: there is no difference but the file's name.
func TestFlagsAndFileAreTheSame(t *testing.T) {
	key := write(t, "key", "0123456789abcdef0123456789abcdef\n")
	words := strings.Fields(`--name n1 --workers 2 --listen ws://127.0.0.1:8080 --listen=rs://[::1]:8081 --listen unix:///tmp/k.sock
		--realm realm1 --realm bank,strict,conflict=standby --anonymous guest --allowed-origins https://app.example --slow-consumer drop --gossip 127.0.0.1:7946
		--link 127.0.0.1:8000 --advertise node1.example --join node2.example:7946 --join srv+_k._tcp.example --cluster-key-file ` + key + `
		--admin off --admin-hosts node1 --insecure --log-level debug --log-format json --limit-message 1MiB --limit-first-message 4096
		--limit-outbox 2MiB --limit-hello 3s --limit-ping 0s --limit-connections-per-address 0
		--leave-grace 5s --retain 1h --retain-bytes 1MiB --directory query`)
	file := write(t, "kleeblatt.yaml", `# everything
name: n1
workers: 2
listen:
  - ws://127.0.0.1:8080
  - "rs://[::1]:8081"
  - unix:///tmp/k.sock
realm:
  - realm1
  - name: bank
    strict: true
    conflict: standby
allowed_origins: [https://app.example]
slow_consumer: drop
gossip: 127.0.0.1:7946
link: 127.0.0.1:8000
advertise: node1.example
join: [node2.example:7946, srv+_k._tcp.example]
directory: query
cluster_key_file: `+key+`
admin: off
admin_hosts: node1
anonymous: guest
insecure: yes
log_level: debug
log_format: json
cluster:
  leave_grace: 5s
  retain: 1h
  retain_bytes: 1MiB
limits:
  message: 1MiB
  first_message: 4096
  outbox: 2MiB
  hello: 3s
  ping: 0s
  connections_per_address: 0
`)
	a, b := mustParse(t, words...), mustParse(t, "--config", file)
	if b.File != file {
		t.Errorf("the file is not named: %q", b.File)
	}
	b.File = ""
	if !reflect.DeepEqual(a, b) {
		t.Errorf("flags %+v\nfile  %+v", a, b)
	}
	if a.Listen[0].URL != "ws://127.0.0.1:8080/" || a.Listen[1].Addr != "[::1]:8081" || a.Listen[2].Addr != "/tmp/k.sock" || !a.Realms[1].Strict || a.Realms[1].Conflict != Standby {
		t.Errorf("%+v", a)
	}
	if string(a.ClusterKey) != "0123456789abcdef0123456789abcdef" || a.Admin != "" || len(a.Warnings) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestFlagsWinOverTheFile(t *testing.T) {
	file := write(t, "k.yaml", "name: a\nrealm: [one, two]\nlimits: {outbox: 1MiB, calls: 5}\n")
	c := mustParse(t, "--realm", "three", "--config", file, "--limit-outbox", "2MiB", "--name=b", "--name=c")
	if c.Name != "c" || len(c.Realms) != 1 || c.Realms[0].Name != "three" || c.Limits.OutboxBytes != 2<<20 || c.Limits.CallsPerSession != 5 {
		t.Errorf("%+v", c)
	}
}

func TestFormulas(t *testing.T) {
	for _, c := range []struct {
		words string
		link  string
	}{
		{"", "127.0.0.1:7947"},
		{"--gossip 127.0.0.1:7000", "127.0.0.1:7001"},
		{"--gossip off", ""},
		{"--gossip [::1]:0", "[::1]:0"},
		{"--gossip :7946 --insecure", ":7947"},
		{"--gossip 127.0.0.1:7946 --link 127.0.0.1:5", "127.0.0.1:5"},
	} {
		if got := mustParse(t, strings.Fields(c.words)...); got.Link != c.link {
			t.Errorf("%s: link %q, want %q", c.words, got.Link, c.link)
		}
	}
	for host, want := range map[string]string{"": "node-k7m2q", "ÄÖ.x": "node-k7m2q", "a_b-c.d": "ab-c-k7m2q", strings.Repeat("h", 64): strings.Repeat("h", 40) + "-k7m2q"} {
		e := testEnv()
		e.hostname = func() (string, error) { return host, nil }
		if c, err := parse(nil, e); err != nil || c.Name != want {
			t.Errorf("host %q: name %q, %v", host, c.Name, err)
		}
	}
}

// Every mistake is told, all at once, each with its line. The cases and what is said of them stand in testdata/problems.txt.
func TestProblems(t *testing.T) {
	path := filepath.Join("testdata", "problems.txt")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range map[string]string{"short.key": "abc\n", "good.key": "0123456789abcdef\n", "no.pem": "nothing\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	for i, story := range strings.Split(string(text), "\n\n") {
		story = strings.Trim(story, "\n")
		asked, _, _ := strings.Cut(story, "\n---")
		head, file, _ := strings.Cut(asked, "\n")
		var words []string
		if rest, ok := strings.CutPrefix(head, "$ serve"); ok {
			words = strings.Fields(rest)
		} else {
			t.Fatalf("story %d begins with %q", i, head)
		}
		if file != "" {
			if err := os.WriteFile("k.yaml", []byte(unbar(file)), 0o600); err != nil {
				t.Fatal(err)
			}
			words = append(words, "--config", "k.yaml")
		}
		said := "ok"
		if _, err := parse(words, testEnv()); err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("%s: %T", head, err)
			}
			said = ps.Error()
		}
		if i > 0 {
			out.WriteString("\n\n")
		}
		fmt.Fprintf(&out, "%s\n---\n%s", asked, said)
	}
	out.WriteString("\n")
	if *rewrite {
		if err := os.WriteFile(filepath.Join(origin, path), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if out.String() != string(text) {
		t.Errorf("what is said has changed:\n%s", out.String())
	}
}

// unbar takes the bar off the lines of a file in a story; it lets them be empty.
func unbar(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		l = strings.TrimPrefix(l, "|")
		lines[i] = strings.TrimPrefix(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

var origin, _ = os.Getwd()

func TestHelp(t *testing.T) {
	for _, words := range [][]string{{"-h"}, {"--nonsense", "--help"}} {
		if _, err := parse(words, testEnv()); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%v: %v", words, err)
		}
	}
	var b bytes.Buffer
	Usage(&b)
	path := filepath.Join("testdata", "usage.txt")
	if *rewrite {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := os.ReadFile(path)
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the help text has changed:\n%s", b.String())
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if len([]rune(line)) > usageWidth {
			t.Errorf("too long: %s", line)
		}
	}
}

// The table itself: names are unique and said in one form, each option has a default and a help, each list is cleared when it is set.
func TestOptionsTable(t *testing.T) {
	seen := map[string]bool{configFlag: true}
	for i := range options {
		o := &options[i]
		if seen[o.flag()] {
			t.Errorf("%s: twice", o.flag())
		}
		seen[o.flag()] = true
		if o.help == "" || o.def == "" || o.group == "" || strings.ToLower(o.key) != o.key || strings.Contains(o.key, "-") {
			t.Errorf("%s: incomplete or oddly named", o.key)
		}
		if o.list {
			p := &parser{at: map[string][]place{}}
			p.defaults()
			p.assign([]assignment{{opt: o, value: "unix:///x"}})
			p.assign([]assignment{{opt: o, value: "unix:///y"}})
			if len(p.at[o.key]) != 1 {
				t.Errorf("%s: two sources are added up", o.key)
			}
			before := p.config
			p.clear(o.key)
			if reflect.DeepEqual(before, p.config) {
				t.Errorf("%s: clear does not know it", o.key)
			}
		}
	}
	for key := range formulas {
		if find(key) == nil {
			t.Errorf("formula for %s, which is no option", key)
		}
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "512": 512, "1KiB": 1024, "3 MiB": 3 << 20, "1GiB": 1 << 30, "1TiB": 1 << 40} {
		if got, err := parseBytes(s); got != want || err != nil {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "KiB", "-1", "1.5MiB", "1kb", "1MB", "99999999999999999999", "9223372036854775807KiB", "0x10"} {
		if got, err := parseBytes(s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
	for n, want := range map[int64]string{0: "0", 512: "512", 1024: "1KiB", 1536: "1536", 16 << 20: "16MiB"} {
		if got := formatBytes(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for a, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true, "LocalHost:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example:1": false, "127.0.0.1": false, "": false,
	} {
		if got := isLoopback(a); got != want {
			t.Errorf("%q: %v", a, got)
		}
	}
}

func TestWarnsOfAReadableKey(t *testing.T) {
	key := write(t, "key", "0123456789abcdef")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if c := mustParse(t, "--cluster-key-file", key); len(c.Warnings) != 1 {
		t.Errorf("warnings %q", c.Warnings)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		d    int
	}{{"", "", 0}, {"a", "", 1}, {"listen", "lisen", 1}, {"realm", "relam", 2}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.d {
			t.Errorf("%q %q: %d", c.a, c.b, got)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("name: a\nlisten: [ws://127.0.0.1:1/x]\nlimits:\n  outbox: 1MiB\n"))
	f.Add([]byte("realm: [{name: a, strict: yes}]\n? [a]\n: b\n"))
	f.Add([]byte("a: &x 1\nb: *x\n<<: *x\n---\n- a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p := newParser(testEnv())
		as := p.file("k.yaml", text)
		p.defaults()
		p.assign(slices.DeleteFunc(as, func(a assignment) bool { // nothing is read from the machine
			return strings.HasSuffix(a.opt.key, "_file") || a.opt.key == "cert" || a.opt.key == "key" || a.opt.key == "data"
		}))
		p.formulas()
		p.files()
		p.rules()
		for _, pr := range p.problems {
			if pr.At == "" || pr.Text == "" {
				t.Errorf("%+v", pr)
			}
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("--name a --realm=b,strict --limit-outbox 3MiB")
	f.Add("--= -- - --x=y --insecure=maybe")
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Fields(s)
		for _, w := range words {
			if strings.Contains(w, "config") || strings.Contains(w, "file") || strings.Contains(w, "cert") || strings.Contains(w, "key") || strings.Contains(w, "data") {
				return // nothing is read from the machine
			}
		}
		parse(words, testEnv())
	})
}
