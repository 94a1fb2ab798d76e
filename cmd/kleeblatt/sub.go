package main

import (
	"context"
	"encoding/json"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

var subCommand = &command{
	name:    "sub",
	args:    "[--url URL]… [--realm REALM] [--match exact|prefix|wildcard] TOPIC",
	summary: "print the events of a topic, one JSON line each",
	help: `
A line is {"topic":…,"args":[…],"kwargs":{…},"publication":…}. When a node goes away, sub connects to the next URL and subscribes
again, for ever; what it does is told on standard error.
`,
}

func init() { subCommand.run = runSub }

var matches = map[string]wamp.Match{"exact": wamp.Exact, "prefix": wamp.Prefix, "wildcard": wamp.Wildcard}

type eventLine struct {
	Topic       string          `json:"topic"`
	Args        json.RawMessage `json:"args"`
	Kwargs      json.RawMessage `json:"kwargs"`
	Publication uint64          `json:"publication"`
}

func runSub(ctx context.Context, words []string, io stdio) error {
	fs := subCommand.flags(io)
	var dial dialFlags
	dial.add(fs)
	matchName := fs.String("match", "exact", "how TOPIC matches: exact, prefix or wildcard (empty parts)")
	words, err := parse(fs, words)
	if err != nil {
		return err
	}
	match, ok := matches[*matchName]
	switch {
	case !ok:
		return usagef("--match %s is none of exact, prefix, wildcard", *matchName)
	case len(words) != 1:
		return usagef("one TOPIC is needed")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return stay(ctx, cancel, dial, io, func(c *client.Client) error {
		_, err := c.Subscribe(ctx, words[0], match, func(e client.Event) {
			if err := printEvent(io, e); err != nil {
				cancel(err)
			}
		})
		return err
	})
}

func printEvent(io stdio, e client.Event) error {
	args, kwargs, err := e.Payload.JSON()
	if err != nil {
		io.say("an event of %s cannot be shown as JSON: %v", e.Topic, err)
		return nil
	}
	return printLine(io, eventLine{e.Topic, args, kwargs, e.Publication})
}
