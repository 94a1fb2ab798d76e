package house

import (
	"go/parser"
	"strings"
	"testing"
)

// arrows says which of our rooms each room may import; a name stands for its folder and all below it. A room that is not listed
// may not exist. Everything may import itself and what lies below it.
var arrows = map[string][]string{
	"crdt":                 nil,
	"internal/wamp":        nil,
	"internal/frame":       nil,
	"internal/house":       nil,
	"broker":               {"crdt", "internal/wamp"},
	"dealer":               {"crdt", "internal/wamp"},
	"gossip":               {"crdt"},
	"gossip/swim":          {"crdt", "gossip"},
	"transport":            {"internal/wamp", "internal/frame"},
	"transport/link":       nil,
	"internal/codec":       {"internal/wamp"},
	"internal/auth":        {"internal/wamp"},
	"internal/config":      {"internal/wamp", "internal/auth", "gossip/swim"},                                                           // swim: what a name and a seed look like is said once
	"internal/conformance": {"internal/node", "internal/config", "internal/client", "internal/codec", "internal/wamp", "internal/auth"}, // auth: the client's half of each method
	"internal/router":      {"crdt", "broker", "dealer", "internal/wamp", "internal/codec", "internal/auth", "internal/frame"},
	"internal/admin":       {"internal/wamp", "internal/frame"},
	"internal/bridge":      {"internal/wamp", "internal/codec", "internal/auth", "internal/client", "internal/cors"},
	"internal/cors":        nil,
	"internal/longpoll":    {"internal/wamp", "internal/codec", "internal/cors"},
	"internal/client":      {"internal/wamp", "internal/codec", "internal/auth"}, // auth: both halves of each method stand side by side
	"internal/bench":       {"internal/client", "internal/codec", "internal/wamp"},
	"internal/node":        {"crdt", "broker", "dealer", "gossip", "transport", "internal"},
	"chaos":                {"crdt", "broker", "dealer", "gossip", "transport", "internal"},
	"cmd/kleeblatt":        {"internal/node", "internal/config", "internal/client", "internal/auth", "internal/wamp", "internal/admin", "internal/bench"},
	"cmd/kleeblatt-chaos":  {"chaos", "internal/client", "internal/config"},
}

// testArrows are what a room's tests may import in addition, beside the player of stories: an own client makes an end of a connection out of a test.
var testArrows = map[string][]string{
	"transport":            {"internal/client", "internal/codec"},
	"internal/node":        {"internal/client"},
	"internal/conformance": {"internal/admin"},                   // what a node counts
	"internal/bench":       {"internal/node", "internal/config"}, // real routers in process
	"cmd/kleeblatt":        {"internal/codec"},
}

// walls says which rooms may import which third parties. A module that is not listed may not be imported at all.
var walls = map[string][]string{
	"github.com/hashicorp/serf":       {"gossip/swim"},
	"github.com/hashicorp/memberlist": {"gossip/swim"},
	"github.com/hashicorp/raft":       {"chaos/baseline"},
	"github.com/hashicorp/go-hclog":   {"chaos/baseline"}, // what raft logs by
	"github.com/gobwas/ws":            {"transport"},
	"github.com/gobwas/httphead":      {"transport"},
	"github.com/goccy/go-yaml":        {"internal/config", "chaos/systems"},
	"github.com/tinylib/msgp":         {"crdt", "gossip", "transport/link", "internal/router", "internal/codec", "internal/node"},
	"golang.org/x/crypto":             {"internal/auth"},
	"golang.org/x/sys":                {"transport", "internal/node", "internal/config", "cmd/kleeblatt", "chaos/netlab", "chaos/null"},
	"golang.org/x/term":               {"cmd/kleeblatt"},
}

// testTools are for tests alone, in any room.
var testTools = []string{
	"pgregory.net/rapid", "go.uber.org/goleak", "github.com/fxamacker/cbor/v2", "github.com/vmihailenco/msgpack/v5",
}

func TestArrows(t *testing.T) {
	for _, s := range sources(t, func(string) bool { return true }, parser.ImportsOnly) {
		for _, path := range s.imports() {
			if why := forbidden(room(s.path), path, isTest(s.path)); why != "" {
				t.Errorf("%s imports %s: %s", s.path, path, why)
			}
		}
	}
}

// forbidden says why a file of this room may not import path, "" where it may.
func forbidden(from, path string, test bool) string {
	if !strings.HasPrefix(path, ours) {
		return thirdParty(from, path, test)
	}
	to := strings.TrimPrefix(path, ours)
	key, known := rowOf(from)
	switch {
	case !known:
		return "this room has no row in arrows"
	case under(to, key):
		return ""
	case under(to, "internal/client") && from == "internal/node" && !test:
		return "the router does not contain its client"
	case underAny(to, arrows[key]) || test && (underAny(to, testArrows[key]) || to == "internal/house/stories"):
		return ""
	}
	return "no such arrow"
}

func thirdParty(from, path string, test bool) string {
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	if test && underAny(path, testTools) {
		return ""
	}
	if underAny(path, testTools) {
		return "for tests only"
	}
	for module, rooms := range walls {
		if under(path, module) {
			if underAny(from, rooms) {
				return ""
			}
			return "only for " + strings.Join(rooms, ", ")
		}
	}
	return "a third party that no wall names"
}

// rowOf finds the room's row: its own, or that of the nearest folder above.
func rowOf(folder string) (string, bool) {
	for f := folder; f != ""; f = room(f) {
		if _, ok := arrows[f]; ok {
			return f, true
		}
	}
	return "", false
}

// TestForbidden keeps the judge honest.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		from, path string
		test, ok   bool
	}{
		{"broker", ours + "crdt", false, true},
		{"broker", ours + "internal/wamp/pattern", false, true},
		{"broker", ours + "dealer", false, false},
		{"broker", ours + "dealer", true, false},
		{"gossip", ours + "internal/wamp", false, false},
		{"gossip", ours + "gossip/swim", false, true},
		{"transport", ours + "gossip", false, false},
		{"internal/node", ours + "transport/link", false, true},
		{"internal/node", ours + "internal/client", false, false},
		{"internal/node", ours + "internal/client", true, true},
		{"internal/codec", ours + "internal/router", false, false},
		{"newroom", ours + "crdt", false, false},
		{"gossip/swim", "github.com/hashicorp/serf/serf", false, true},
		{"gossip", "github.com/hashicorp/serf/serf", false, false},
		{"internal/client", "github.com/gobwas/ws", false, false},
		{"chaos", "github.com/hashicorp/raft", false, false},
		{"chaos/baseline", "github.com/hashicorp/raft", false, true},
		{"crdt", "pgregory.net/rapid", true, true},
		{"crdt", "pgregory.net/rapid", false, false},
		{"crdt", "example.org/unknown", false, false},
		{"crdt", "slices", false, true},
	} {
		if why := forbidden(c.from, c.path, c.test); (why == "") != c.ok {
			t.Errorf("%s imports %s (test %v): %q", c.from, c.path, c.test, why)
		}
	}
}
