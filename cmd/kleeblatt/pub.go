package main

import (
	"context"
	"time"

	"kleeblatt/internal/client"
)

// connectTimeout is how long the tools that do one thing look for a node.
const connectTimeout = 10 * time.Second

var pubCommand = &command{
	name:    "pub",
	args:    "[--url URL]… [--realm REALM] [--ack] TOPIC [JSON…] [key=JSON…]",
	summary: "publish one event",
	help: valuesHelp + `
With --ack, pub waits for the router's acknowledgement and prints {"publication":…}. It means that the router has handed the
event over, not that a subscriber has got it.
`,
}

func init() { pubCommand.run = runPub }

type publicationLine struct {
	Publication uint64 `json:"publication"`
}

func runPub(ctx context.Context, words []string, io stdio) error {
	fs := pubCommand.flags(io)
	var dial dialFlags
	dial.add(fs)
	ack := fs.Bool("ack", false, "wait for the acknowledgement and print the publication id")
	words, err := parse(fs, words)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return usagef("a TOPIC is needed")
	}
	payload, err := parsePayload(words[1:])
	if err != nil {
		return err
	}
	c, err := dialOnce(ctx, dial)
	if err != nil {
		return err
	}
	defer c.Close() // GOODBYE is answered behind the PUBLISH, so the event has been routed when pub ends
	id, err := c.Publish(ctx, words[0], payload, &client.PublishOptions{Acknowledge: *ack})
	if err != nil || !*ack {
		return err
	}
	return printLine(io, publicationLine{id})
}
