package broker

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the answers in testdata/*.txt")

// A story is a text file of commands, each followed by its answers, two spaces indented; '#' begins a comment.
//
//	subscribe WORKER POLICY TOPIC      unsubscribe WORKER POLICY TOPIC      ("" is the empty topic)
//	interest NODE POLICY TOPIC         lost NODE
//	publish TOPIC                      which subscriptions get it, and who has receivers
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			told, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var x *Index
			retold := tell(string(told), func(cmd []string) []string {
				y, answers := act(x, cmd)
				x = y
				return answers
			})
			if retold == string(told) {
				return
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(retold), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s tells another story (-rewrite to accept):\n%s", file, retold)
		})
	}
}

// tell is the story with the answers that act gives now.
func tell(story string, act func(cmd []string) []string) string {
	var b strings.Builder
	for line := range strings.Lines(story) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		b.WriteString(line)
		cmd := strings.Fields(line)
		if len(cmd) == 0 || cmd[0][0] == '#' {
			continue
		}
		for _, answer := range act(cmd) {
			b.WriteString("  " + answer + "\n")
		}
	}
	return b.String()
}

func act(x *Index, cmd []string) (*Index, []string) {
	key := func() Key {
		match, ok := wamp.ParseMatch([]byte(cmd[2]))
		if !ok {
			panic(cmd[2])
		}
		return Key{match, strings.Trim(cmd[3], `"`)}
	}
	number := func() (n int) {
		if _, err := fmt.Sscan(cmd[1], &n); err != nil {
			panic(cmd[1])
		}
		return n
	}
	switch cmd[0] {
	case "subscribe", "unsubscribe":
		return x.WithWorker(key(), idOf(key()), number(), cmd[0] == "subscribe"), nil
	case "interest", "uninterest":
		return x.WithNode(key(), idOf(key()), uint8(number()), cmd[0] == "interest"), nil
	case "lost":
		return x.WithoutNode(uint8(number())), nil
	case "publish":
		var answers []string
		for _, e := range x.Match([]byte(strings.Trim(cmd[1], `"`)), nil) {
			answers = append(answers, fmt.Sprintf("%v %q%s", e.Match, e.Topic, holders(e)))
		}
		if answers == nil {
			answers = []string{"nobody"}
		}
		return x, answers
	}
	panic(cmd[0])
}

func holders(e *Entry) (s string) {
	for w := range e.Workers.Each {
		s += fmt.Sprint(" worker ", w)
	}
	for n := range e.Nodes.Each {
		s += fmt.Sprint(" node ", n)
	}
	return s
}

// idOf is any id, as long as it differs from key to key.
func idOf(k Key) (id uint64) {
	id = uint64(k.Match) + 1
	for _, c := range []byte(k.Topic) {
		id = id*257 + uint64(c)
	}
	return id
}
