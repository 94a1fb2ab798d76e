package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
)

// patience bounds what a test waits for; only a failing test gets there.
const patience = 20 * time.Second

// startNode runs a node alone in this process.
func startNode(t *testing.T, listen string) *node.Node {
	t.Helper()
	cfg, err := config.Parse([]string{"--listen", listen, "--admin", "off", "--gossip", "127.0.0.1:0", "--link", "127.0.0.1:0", "--workers", "2"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if err := n.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	return n
}

// tool is a command that runs until the test ends it.
type tool struct {
	t        *testing.T
	out, err *bufio.Scanner
	cancel   context.CancelFunc
	status   chan int
}

func startTool(t *testing.T, words ...string) *tool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	outR, outW := io.Pipe()
	errR, errW := io.Pipe()
	tl := &tool{t, bufio.NewScanner(outR), bufio.NewScanner(errR), cancel, make(chan int, 1)}
	go func() {
		tl.status <- run(ctx, words, stdio{strings.NewReader(""), outW, errW})
		outW.Close()
		errW.Close()
	}()
	t.Cleanup(func() {
		go io.Copy(io.Discard, outR)
		go io.Copy(io.Discard, errR)
		cancel()
	})
	return tl
}

// says waits for the next line for people and compares its beginning.
func (tl *tool) says(begin string) {
	tl.t.Helper()
	if !tl.err.Scan() || !strings.HasPrefix(tl.err.Text(), begin) {
		tl.t.Fatalf("the tool said %q, want %q", tl.err.Text(), begin)
	}
}

// prints waits for the next line for programs.
func (tl *tool) prints() string {
	tl.t.Helper()
	if !tl.out.Scan() {
		tl.t.Fatal("the tool printed nothing more")
	}
	return tl.out.Text()
}

// ends interrupts the tool and returns its status.
func (tl *tool) ends() int {
	go func() {
		for tl.err.Scan() {
		}
	}()
	tl.cancel()
	return <-tl.status
}

func TestTools(t *testing.T) {
	urls := startNode(t, "ws://127.0.0.1:0/ws").URLs()
	ws := urls[0]
	rs := strings.TrimSuffix(strings.Replace(ws, "ws://", "rs://", 1), "/ws")

	sub := startTool(t, "sub", "--url", ws, "--match", "prefix", "com.")
	sub.says("subscribed com. at " + ws)
	status, out, complaints := ask(t.Context(), "pub", "--url", rs, "--ack", "com.x", "1", "two", `k=[null]`)
	var published struct{ Publication uint64 }
	if err := json.Unmarshal([]byte(out), &published); status != statusOK || err != nil || complaints != "" {
		t.Fatalf("pub: %d, %q, %q", status, out, complaints)
	}
	want := fmt.Sprintf(`{"topic":"com.x","args":[1,"two"],"kwargs":{"k":[null]},"publication":%d}`, published.Publication)
	if got := sub.prints(); got != want {
		t.Errorf("sub printed %s, want %s", got, want)
	}
	if status, out, _ := ask(t.Context(), "pub", "--url", ws, "com.y"); status != statusOK || out != "" {
		t.Errorf("pub: %d, %q", status, out)
	}
	if got := sub.prints(); !strings.HasPrefix(got, `{"topic":"com.y","args":[],"kwargs":{},`) {
		t.Errorf("sub printed %s", got)
	}
	if status := sub.ends(); status != statusOK {
		t.Errorf("sub ended with %d", status)
	}
}

func TestCallTools(t *testing.T) {
	url := startNode(t, "ws://127.0.0.1:0/ws").URLs()[0]
	startTool(t, "register", "--url", url, "p.echo", "--echo").says("registered p.echo at " + url)
	startTool(t, "register", "--url", url, "--exec", `read line; case "$1" in fail) echo broken >&2; exit 3;; wait) exec sleep 60;; *) echo "$line";; esac`, "p.exec").
		says("registered p.exec")
	for _, c := range []struct {
		line   string
		status int
		out    string
		err    string
	}{
		{`p.echo 1 k=2`, 0, `{"args":[1],"kwargs":{"k":2}}`, ""},
		{`p.echo`, 0, `{"args":[],"kwargs":{}}`, ""},
		{`p.exec a 2`, 0, `{"args":[{"procedure":"p.exec","args":["a",2],"kwargs":{}}],"kwargs":{}}`, ""},
		{`p.exec fail`, 1, "", execError + ": exit status 3"},
		{`p.nobody`, 1, "", "wamp.error.no_such_procedure"},
		{`--timeout 50ms p.exec wait`, 1, "", "wamp.error.timeout"},
	} {
		status, out, complaints := ask(t.Context(), append([]string{"call", "--url", url}, strings.Fields(c.line)...)...)
		if status != c.status || strings.TrimSpace(out) != c.out || !strings.Contains(complaints, c.err) {
			t.Errorf("call %s: %d, %q, %q", c.line, status, out, complaints)
		}
	}
	second := startTool(t, "register", "--url", url, "p.echo", "--echo")
	second.says("kleeblatt register: wamp.error.procedure_already_exists")
	if status := <-second.status; status != statusFailed {
		t.Errorf("a second owner ended with %d", status)
	}
	shared := []string{"register", "--url", url, "--invoke", "roundrobin", "p.shared", "--echo"}
	startTool(t, shared...).says("registered p.shared")
	startTool(t, shared...).says("registered p.shared")
}

// TestToolsFollow: when its node goes, sub goes on at the next one, and says so.
func TestToolsFollow(t *testing.T) {
	first, second := startNode(t, "ws://127.0.0.1:0/ws"), startNode(t, "ws://127.0.0.1:0/ws")
	a, b := first.URLs()[0], second.URLs()[0]
	sub := startTool(t, "sub", "--url", a, "--url", b, "com.x")
	sub.says("subscribed com.x at " + a)
	first.Drain()
	first.Close()
	sub.says("lost " + a)
	sub.says("subscribed com.x at " + b)
	if status, _, complaints := ask(t.Context(), "pub", "--url", b, "com.x", "1"); status != statusOK {
		t.Fatal(complaints)
	}
	if got := sub.prints(); !strings.HasPrefix(got, `{"topic":"com.x","args":[1],`) {
		t.Error(got)
	}
}

func TestUnreachable(t *testing.T) {
	for _, words := range [][]string{
		{"pub", "--url", "unix:///nonexistent/socket", "t"},
		{"call", "--url", "unix:///nonexistent/socket", "p"},
		{"status", "--admin", "nowhere.invalid:1"},
	} {
		if status, out, complaints := ask(t.Context(), words...); status != statusFailed || out != "" || complaints == "" {
			t.Errorf("%q: %d, %q, %q", words, status, out, complaints)
		}
	}
	url := startNode(t, "ws://127.0.0.1:0/ws").URLs()[0]
	if status, _, complaints := ask(t.Context(), "sub", "--url", url, "--realm", "nowhere", "t"); status != statusFailed || !strings.Contains(complaints, "wamp.error.no_such_realm") {
		t.Errorf("%d, %q", status, complaints)
	}
}

func TestStatus(t *testing.T) {
	const answer = `{"node":"n1","epoch":5,"ready":true,"members":[{"name":"n2","epoch":6,"state":"reachable","link":"tcp","rtt_us":250}],` +
		`"parts":[{"owner":"n1","epoch":5,"version":9,"hash":"aa","entries":4},{"owner":"n2","epoch":6,"version":0,"hash":"bb","entries":0}],"digest":"cc","sessions":7}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cluster" {
			http.NotFound(w, r)
		}
		io.WriteString(w, answer)
	}))
	defer server.Close()
	admin := strings.TrimPrefix(server.URL, "http://")
	_, out, complaints := ask(t.Context(), "status", "--admin", admin)
	want := "node n1: ready, 7 sessions, digest cc\n\n" +
		"NODE  STATE      LINK  RTT    ENTRIES  VERSION  EPOCH\n" +
		"n1    self       -     -      4        9        5\n" +
		"n2    reachable  tcp   250µs  0        0        6\n"
	if out != want || complaints != "" {
		t.Errorf("%s%s", out, complaints)
	}
	if _, out, _ := ask(t.Context(), "status", "-o", "json", "--admin", admin); out != answer+"\n" {
		t.Error(out)
	}
	server.Config.Handler = http.NotFoundHandler()
	if status, _, complaints := ask(t.Context(), "status", "--admin", admin); status != statusFailed || !strings.Contains(complaints, "404") {
		t.Errorf("%d, %q", status, complaints)
	}
}
