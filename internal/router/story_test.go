package router

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/house/stories"
	"kleeblatt/internal/wamp"
)

// TestStories plays every scene of testdata/*.txt on one worker, on two workers of one node, on two nodes, and on two nodes of two workers
// with all queues shuffled. What clients see must be the same everywhere.
//
//	== ROW ROW: title          a scene begins, in a new cluster; the test's name is this line
//	only 2x1                   it is played on two nodes of one worker alone
//	join A [SERIALIZER] [max=BYTES] [realm=R] [plain] [+FEATURE]     open and HELLO with all roles and usual features (plain: without) and this one in each role
//	open A [SERIALIZER] [max=BYTES]                       open only
//	A > MESSAGE                JSON; $B is B's session id, @B its authid, #1 the first other id that appeared
//	A raw BYTES                a quoted Go string
//	+ A > MESSAGE              at once with the next line: nothing settles in between
//	A drops                    the connection ends
//	A pressure N / urgent      its outbox passes a level; urgent: a reply did not fit
//	tick 100ms                 time passes
//	drain                      all nodes shut down
//	lose / heal                the nodes cannot / can reach each other
//	full / flowing             the links of all nodes to all others are full / flow again
//	records                    how many calls and invocations are pending
//
// What clients get is indented: "A < MESSAGE", "A closed", "A reset", "A paused", "A resumed".
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		told, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scenes := strings.Split(string(told), "\n== ")
		retold := append([]string(nil), scenes...)
		for i, scene := range scenes[1:] {
			title, _, _ := strings.Cut(scene, "\n")
			for _, p := range stages(scene) {
				t.Run(title+"/"+p.name, func(t *testing.T) {
					got := play(t, scene, p)
					if got == scene {
						return
					}
					if *stories.Rewrite && p.first {
						retold[i+1] = got
						return
					}
					if !*stories.Rewrite {
						t.Errorf("%s tells another story (-rewrite to accept):\n%s", file, got)
					} else if got != retold[i+1] {
						t.Errorf("%s: this stage tells another story than the first:\n%s", file, got)
					}
				})
			}
		}
		if all := strings.Join(retold, "\n== "); *stories.Rewrite && all != string(told) {
			if err := os.WriteFile(file, []byte(all), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

type stage struct {
	name           string
	nodes, workers int
	seed           uint64
	first          bool
}

func stages(scene string) []stage {
	all := []stage{
		{"1x1", 1, 1, 0, true}, {"1x2", 1, 2, 0, false}, {"2x1", 2, 1, 0, false}, {"2x2 shuffled", 2, 2, 7, false}, {"3x2 shuffled", 3, 2, 8, false},
	}
	_, only, ok := strings.Cut(scene, "\nonly ")
	if !ok {
		return all
	}
	only, _, _ = strings.Cut(only, "\n")
	var some []stage
	for _, p := range all {
		if strings.Contains(" "+only+" ", " "+strings.Fields(p.name)[0]+" ") {
			p.first = len(some) == 0
			some = append(some, p)
		}
	}
	return some
}

type player struct {
	*testCluster
	t       testing.TB
	p       stage
	clients map[string]*testConn
	names   []string
	ids     map[string]string // as they come → as they are told
	actual  map[string]string // the reverse
	literal map[string]bool   // numbers that the story itself wrote
	told    int
}

var (
	numberRE   = regexp.MustCompile(`\d{7,}`)
	nameRE     = regexp.MustCompile(`[$@#][A-Z0-9][a-z0-9]*`)
	featuresRE = regexp.MustCompile(`"features":\{"[^}]*\}`)
	welcomeRE  = regexp.MustCompile(`^\[2,(\d+),.*"authid":"([^"]+)"`)
)

func play(t testing.TB, scene string, p stage) string {
	limits := Limits{Calls: 20, Subscriptions: 20, Registrations: 20, SlowConsumer: Disconnect}
	if strings.Contains(scene, "\npolicy drop") {
		limits.SlowConsumer = Drop
	}
	x := &player{
		testCluster: newCluster(t, p.nodes, p.workers, p.seed, limits), t: t, p: p, clients: map[string]*testConn{},
		ids: map[string]string{}, actual: map[string]string{}, literal: map[string]bool{},
	}
	var b strings.Builder
	for line := range strings.Lines(scene) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		b.WriteString(line)
		command := strings.TrimSuffix(line, "\n")
		if b.Len() == len(line) || command == "" || command[0] == '#' {
			continue // the title, or nothing to do
		}
		at, more := strings.CutPrefix(command, "+ ")
		extra := x.act(at)
		if more {
			continue
		}
		x.settle()
		b.WriteString(extra)
		for _, name := range x.names {
			conn := x.clients[name]
			for _, line := range conn.out {
				b.WriteString("  " + name + " " + x.tell(line) + "\n")
			}
			conn.out = nil
		}
	}
	x.dropAll()
	x.checkEmpty()
	return b.String()
}

func (x *player) act(line string) (answer string) {
	words := strings.Fields(line)
	if len(words) > 1 && (words[0] == "join" || words[0] == "open") {
		x.connect(words)
		return ""
	}
	switch words[0] {
	case "only", "policy":
		return ""
	case "tick":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			x.t.Fatal(err)
		}
		x.now += int64(d)
		x.everyWorker(Input{Kind: InTick})
		return ""
	case "drain":
		x.everyWorker(Input{Kind: InDrain})
		return ""
	case "lose":
		x.lose(InNodeLost)
		return ""
	case "heal":
		x.lose(InNodeUp)
		return ""
	case "full", "flowing":
		for _, n := range x.nodes {
			for _, o := range x.nodes {
				if o != n {
					for w := range n.workers {
						n.feed(w, Input{Kind: InNodePaused, Node: slotOf(n.index, o.index), On: words[0] == "full"})
					}
				}
			}
		}
		return ""
	case "records":
		x.settle()
		return fmt.Sprintf("  %d\n", x.records())
	}
	conn := x.clients[words[0]]
	if conn == nil || len(words) < 2 {
		x.t.Fatalf("what does this mean: %s", line)
	}
	switch words[1] {
	case ">":
		_, msg, _ := strings.Cut(line, "> ")
		for _, n := range numberRE.FindAllString(msg, -1) {
			x.literal[n] = true
		}
		conn.send(nameRE.ReplaceAllStringFunc(msg, func(name string) string {
			if v, ok := x.actual[name]; ok {
				return v
			}
			return name
		}))
	case "raw":
		_, text, _ := strings.Cut(line, "raw ")
		b, err := strconv.Unquote(text)
		if err != nil {
			x.t.Fatal(err)
		}
		conn.sendRaw([]byte(b))
	case "drops":
		x.drop(conn)
	case "pressure":
		level, err := strconv.Atoi(words[2])
		if err != nil {
			x.t.Fatal(err)
		}
		conn.node.feed(conn.worker, Input{Kind: InPressure, Conn: conn.id, Level: uint8(level), On: len(words) > 3})
	default:
		x.t.Fatalf("what does this mean: %s", line)
	}
	return ""
}

const (
	allFeatures = `{"roles":{"publisher":{},"subscriber":{},"caller":{"features":{"call_canceling":true,"progressive_call_results":true}},` +
		`"callee":{"features":{"call_canceling":true,"progressive_call_results":true}}}}`
	noFeatures = `{"roles":{"publisher":{},"subscriber":{},"caller":{},"callee":{}}}`
)

// connect gives the clients in turn to the nodes and their workers.
func (x *player) connect(words []string) {
	name, s, limit, realm, details := words[1], wamp.JSON, 0, "r", allFeatures
	for _, w := range words[2:] {
		if v, ok := strings.CutPrefix(w, "max="); ok {
			limit, _ = strconv.Atoi(v)
		} else if v, ok := strings.CutPrefix(w, "realm="); ok {
			realm = v
		} else if w == "plain" {
			details = noFeatures
		} else if v, ok := strings.CutPrefix(w, "+"); ok {
			details = strings.ReplaceAll(strings.ReplaceAll(details, `:{}`, `:{"features":{}}`), `"features":{`, `"features":{"`+v+`":true,`)
			details = strings.ReplaceAll(details, `,}`, `}`)
		} else if v, ok := wamp.ParseSerializer(w); ok {
			s = v
		} else {
			x.t.Fatalf("what does this mean: %s", w)
		}
	}
	i := len(x.names)
	conn := x.open(name, i%x.p.nodes, i/x.p.nodes%x.p.workers, s, limit)
	if x.clients[name] == nil {
		x.names = append(x.names, name)
	}
	x.clients[name] = conn
	if words[0] == "open" {
		return
	}
	conn.send(fmt.Sprintf(`[1,%q,%s]`, realm, details))
	x.settle()
	if len(conn.out) != 1 || !x.welcomed(name, conn.out[0]) {
		x.t.Fatalf("%s is not welcome: %q", name, conn.out)
	}
	conn.out = nil
}

func (x *player) welcomed(name, line string) bool {
	m := welcomeRE.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	x.name(m[1], "$"+name)
	x.name(m[2], "@"+name)
	return true
}

func (x *player) name(id, as string) {
	x.ids[id] = as
	x.actual[as] = id
}

// tell is a line as the story has it: with names for the ids.
func (x *player) tell(line string) string {
	if !strings.HasPrefix(line, "[") {
		return line
	}
	for _, name := range x.names {
		if x.clients[name].out != nil && strings.HasPrefix(line, "[2,") && x.actual["$"+name] == "" {
			x.welcomed(name, line)
		}
	}
	if said, _, is := strings.Cut(line, `,"roles":{"broker":`); is { // of WELCOME, whose features grow: TestAnnouncedFeaturesHaveStoriesP26
		line = said + `,"roles":{…}}]`
	}
	for id, as := range x.ids {
		if as[0] == '@' {
			line = strings.ReplaceAll(line, id, as)
		}
	}
	if strings.HasPrefix(line, "[2,") { // what is announced changes; TestAnnouncedFeaturesHaveStoriesP26 is about it
		line = featuresRE.ReplaceAllString(line, `"features":{…}`)
	}
	return "< " + numberRE.ReplaceAllStringFunc(line, func(id string) string {
		if x.literal[id] {
			return id
		}
		if x.ids[id] == "" {
			x.told++
			x.name(id, fmt.Sprint("#", x.told))
		}
		return x.ids[id]
	})
}
