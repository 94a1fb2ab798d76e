package admin

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the files in testdata")

// fake is a node that says what it was told to say.
type fake struct {
	live     error
	status   Status
	counters Counters
}

func (f *fake) Live() error        { return f.live }
func (f *fake) Status() Status     { return f.status }
func (f *fake) Counters() Counters { return f.counters }

func busy() *fake {
	return &fake{
		status: Status{
			Node: "n1", Epoch: 7, Ready: true, Digest: "c0ffee", Sessions: 3,
			Members: []Member{
				{Name: "n2", Epoch: 3, State: "reachable", Link: "tcp", RTTus: 210},
				{Name: "n3", Epoch: 9, State: "hidden", Link: "none"},
				{Name: "n4", Epoch: 5, State: "reachable", Link: "relay", Via: "n2", RTTus: 430},
			},
			Parts: []Part{{Owner: "n1", Epoch: 7, Version: 5, Hash: "01", Entries: 2}, {Owner: "n2", Epoch: 3, Version: 41, Hash: "9f", Entries: 12}},
		},
		counters: distinct(),
	}
}

// distinct fills every field of Counters with a number of its own, so that a metric that reads a wrong field, and a field that no
// metric reads, both show.
func distinct() Counters {
	var c Counters
	n := int64(1000)
	var fill func(v reflect.Value, path string)
	fill = func(v reflect.Value, path string) {
		n++
		switch {
		case v.Type() == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(time.Unix(1_700_000_000, 0)))
		case v.Type() == reflect.TypeFor[time.Duration]():
			v.SetInt(n * int64(time.Second))
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.CanInt():
			v.SetInt(n)
		case v.CanUint():
			v.SetUint(uint64(n))
		case v.Kind() == reflect.String:
			v.SetString(path)
		case v.Kind() == reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			for i := range 2 {
				fill(v.Index(i), fmt.Sprintf("%s%d", path, i))
			}
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i), strings.ToLower(v.Type().Field(i).Name))
			}
		default:
			panic(path)
		}
	}
	fill(reflect.ValueOf(&c).Elem(), "")
	return c
}

func get(t *testing.T, src Source, path, host string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if host != "" {
		r.Host = host
	} else {
		r.Host = "127.0.0.1:9090"
	}
	w := httptest.NewRecorder()
	Handler(Config{Addr: "127.0.0.1:9090", Source: src}).ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

// What each path answers is a file that is read like prose.
func TestAnswers(t *testing.T) {
	empty := &fake{status: Status{Node: "n1", Reasons: []string{"first exchange is not done"}}, live: errors.New("loop 0 stands still")}
	alone := busy()
	alone.status.Reasons = []string{"alone"}
	alone.status.Node = `<b>"n1"</b>`
	for _, c := range []struct {
		file, path string
		src        *fake
		status     int
	}{
		{"livez", "/livez", busy(), 200},
		{"livez-dead", "/livez", empty, 503},
		{"readyz", "/readyz", busy(), 200},
		{"readyz-not", "/readyz", empty, 503},
		{"readyz-alone", "/readyz", alone, 200},
		{"cluster", "/cluster", busy(), 200},
		{"cluster-empty", "/cluster", empty, 200},
		{"metrics", "/metrics", busy(), 200},
		{"metrics-empty", "/metrics", empty, 200},
		{"page", "/", alone, 200},
		{"page-empty", "/", empty, 200},
	} {
		resp, body := get(t, c.src, c.path, "")
		got := fmt.Sprintf("%s\n\n%s", resp.Header.Get("Content-Type"), body)
		if resp.StatusCode != c.status {
			t.Errorf("%s: status %d", c.file, resp.StatusCode)
		}
		file := filepath.Join("testdata", c.file+".txt")
		if *rewrite {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the answer is not what the file says; it is\n%s", file, got)
		}
	}
}

// The shape of /cluster is a promise to programs, to the letter.
func TestClusterShape(t *testing.T) {
	src := busy()
	src.status.Members, src.status.Parts = src.status.Members[:1], src.status.Parts[1:]
	_, body := get(t, src, "/cluster", "")
	const want = `{"node":"n1","epoch":7,"ready":true,"members":[{"name":"n2","epoch":3,"state":"reachable","link":"tcp","rtt_us":210}],` +
		`"parts":[{"owner":"n2","epoch":3,"version":41,"hash":"9f","entries":12}],"digest":"c0ffee","sessions":3}` + "\n"
	if body != want {
		t.Errorf("got  %swant %s", body, want)
	}
}

// Every count of the node is in the metrics, once, and every metric has values and is described.
func TestEveryMetric(t *testing.T) {
	c := distinct()
	text := string(appendMetrics(nil, &c))
	name := regexp.MustCompile(`^kleeblatt_[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for _, m := range metrics {
		if !name.MatchString(m.name) || seen[m.name] {
			t.Errorf("%s: not a name, or twice", m.name)
		}
		seen[m.name] = true
		if strings.HasSuffix(m.name, "_total") != (m.kind == counter) {
			t.Errorf("%s: counters end in _total and nothing else does", m.name)
		}
		if len(m.help) < 10 || !strings.HasSuffix(m.help, ".") || strings.ContainsAny(m.help, "\n\\") {
			t.Errorf("%s: help %q", m.name, m.help)
		}
		if !strings.Contains(text, "\n"+m.name+"{") && !strings.Contains(text, "\n"+m.name+" ") {
			t.Errorf("%s: no value", m.name)
		}
	}
	values := map[string]int{}
	for _, line := range strings.Split(text, "\n") {
		if line != "" && line[0] != '#' {
			values[line[strings.LastIndexByte(line, ' ')+1:]]++
		}
	}
	// Numbers that are told elsewhere: in /cluster.
	elsewhere := map[string]bool{"Parts.Epoch": true}
	var check func(v reflect.Value, path string)
	check = func(v reflect.Value, path string) {
		want := ""
		switch {
		case v.Type() == reflect.TypeFor[time.Time](), v.Kind() == reflect.Bool, v.Kind() == reflect.String:
			return
		case v.Type() == reflect.TypeFor[time.Duration]():
			want = fmt.Sprint(int64(time.Duration(v.Int()).Seconds()))
		case v.CanInt(), v.CanUint():
			want = fmt.Sprint(v.Interface())
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				check(v.Index(i), path)
			}
			return
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				check(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."))
			}
			return
		}
		if values[want] != 1 && !elsewhere[path] {
			t.Errorf("%s is told %d times", path, values[want])
		}
	}
	check(reflect.ValueOf(c), "")
}

func TestLabelsAreEscaped(t *testing.T) {
	c := Counters{Dropped: []Count{{"a\"b\\c\nd", 1}}}
	if text := string(appendMetrics(nil, &c)); !strings.Contains(text, `kleeblatt_dropped_total{reason="a\"b\\c\nd"} 1`+"\n") {
		t.Error(text)
	}
}

func TestValues(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 1e15: "1000000000000000", 0.00021: "0.00021", -1: "-1", 1 << 60: "1.152921504606847e+18"} {
		if got := string(appendValue(nil, v)); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

// DNS rebinding: the port answers under its own names only.
func TestHost(t *testing.T) {
	for _, c := range []struct {
		bound, host string
		ok          bool
	}{
		{"127.0.0.1:9090", "127.0.0.1:9090", true},
		{"127.0.0.1:9090", "localhost:9090", true},
		{"127.0.0.1:9090", "LOCALHOST.", true},
		{"127.0.0.1:9090", "[::1]:9090", true},
		{"127.0.0.1:9090", "[::1]", true},
		{"127.0.0.1:9090", "named.example", true},
		{"127.0.0.1:9090", "evil.example:9090", false},
		{"127.0.0.1:9090", "127.0.0.1.evil.example", false},
		{"127.0.0.1:9090", "10.0.0.1:9090", false},
		{"127.0.0.1:9090", "", false},
		{"10.0.0.1:9090", "10.0.0.1:9090", true},
		{"10.0.0.1:9090", "10.0.0.2:9090", false},
		{"node.example:9090", "NODE.example:9090", true},
		{"0.0.0.0:9090", "10.0.0.1:9090", true},
		{":9090", "10.0.0.1:9090", true},
		{"[::]:9090", "[fd00::1]:9090", true},
		{"0.0.0.0:9090", "evil.example:9090", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/livez", nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		Handler(Config{Addr: c.bound, Hosts: []string{"Named.example"}, Source: busy()}).ServeHTTP(w, r)
		if ok := w.Code == http.StatusOK; ok != c.ok || !ok && w.Code != http.StatusMisdirectedRequest {
			t.Errorf("bound to %s, asked as %q: %d", c.bound, c.host, w.Code)
		}
	}
}

func TestOnlyReading(t *testing.T) {
	h := Handler(Config{Addr: "127.0.0.1:9090", Source: busy()})
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodHead, "/livez", 200}, {http.MethodPost, "/livez", 405}, {http.MethodDelete, "/cluster", 405},
		{http.MethodGet, "/nothing", 404}, {http.MethodGet, "/debug/pprof/", 404},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s %s: %d", c.method, c.path, w.Code)
		}
	}
	resp, _ := get(t, busy(), "/", "")
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy of the page: %q", csp)
	}
}

// On a real socket, and more clients than slots: nobody is lost, nothing is left.
func TestServer(t *testing.T) {
	defer goleak.VerifyNone(t)
	s, err := Start(Config{Addr: "127.0.0.1:0", Source: busy()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Config{Addr: s.Addr(), Source: busy()}); err == nil {
		t.Error("two on one address")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	results := make(chan error)
	const clients = 2 * connectionsMax
	for range clients {
		go func() {
			resp, err := client.Get("http://" + s.Addr() + "/cluster")
			if err == nil {
				var body []byte
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
				if err == nil && !bytes.Contains(body, []byte(`"node":"n1"`)) {
					err = fmt.Errorf("answer %q", body)
				}
			}
			results <- err
		}()
	}
	for range clients {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
