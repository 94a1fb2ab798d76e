package broker

import (
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/house/stories"
	"kleeblatt/internal/wamp"
)

// A story is a text file of commands, each followed by its answers, two spaces indented; '#' begins a comment.
//
//	subscribe WORKER POLICY TOPIC      unsubscribe WORKER POLICY TOPIC      ("" is the empty topic)
//	interest NODE POLICY TOPIC         lost NODE
//	publish TOPIC                      which subscriptions get it, and who has receivers
func TestStories(t *testing.T) {
	stories.Play(t, "testdata/*.txt", func(_ *testing.T, told string) string {
		var x *Index
		return stories.Answers(told, func(words []string) (answers []string) {
			x, answers = act(x, words)
			return answers
		})
	})
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
