package main

import (
	"context"
	"errors"

	"kleeblatt/internal/client"
)

// stay connects, says a wish and stays connected until ctx ends. It is done (nil) when the user interrupts; cancel's cause, if
// any, is its error.
func stay(ctx context.Context, cancel context.CancelCauseFunc, dial dialFlags, io stdio, wish func(*client.Client) error) error {
	cfg, err := dial.config()
	if err != nil {
		return err
	}
	cfg.Wait = true
	cfg.Notify = tellNotices(io, cancel)
	c, err := client.Dial(ctx, cfg)
	if err == nil {
		defer c.Close()
		err = wish(c)
	}
	if err != nil {
		if ctx.Err() != nil {
			return whyEnded(ctx)
		}
		return err
	}
	<-ctx.Done()
	return whyEnded(ctx)
}

// whyEnded is nil for an interrupt.
func whyEnded(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// tellNotices prints what happens to the connection. Of the same failure again and again only the first is told.
func tellNotices(io stdio, cancel context.CancelCauseFunc) func(client.Notice) {
	told := map[string]bool{}
	return func(n client.Notice) {
		switch n.Kind {
		case client.Connected:
			clear(told)
		case client.Lost:
			io.say("lost %s: %v", n.URL, n.Err)
		case client.Unreached:
			if text := n.Err.Error(); !told[text] {
				told[text] = true
				io.say("cannot reach %s", text)
			}
		case client.Subscribed:
			io.say("subscribed %s at %s", n.Name, n.URL)
		case client.Registered:
			io.say("registered %s at %s", n.Name, n.URL)
		case client.Refused:
			if text := n.Err.Error(); !told[text] {
				told[text] = true
				io.say("refused %s at %s: %v; trying again", n.Name, n.URL, n.Err)
			}
		case client.Revoked:
			cancel(n.Err)
		}
	}
}
