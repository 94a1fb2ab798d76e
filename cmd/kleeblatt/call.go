package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

var callCommand = &command{
	name:    "call",
	args:    "[--url URL]… [--realm REALM] [--timeout 5s] PROCEDURE [JSON…] [key=JSON…]",
	summary: "call a procedure and print its result",
	help: valuesHelp + `
The result is printed as {"args":[…],"kwargs":{…}}. An ERROR is told on standard error with its URI, and the exit status is 1.
`,
}

// callTimeout is how long a call may take unless told otherwise.
const callTimeout = 5 * time.Second

func init() { callCommand.run = runCall }

func runCall(ctx context.Context, words []string, io stdio) error {
	fs := callCommand.flags(io)
	var dial dialFlags
	dial.add(fs)
	timeout := fs.Duration("timeout", callTimeout, "give up after this time (0: wait for as long as the call takes)")
	words, err := parse(fs, words)
	switch {
	case err != nil:
		return err
	case len(words) == 0:
		return usagef("a PROCEDURE is needed")
	case *timeout < 0:
		return usagef("--timeout cannot be negative")
	}
	payload, err := parsePayload(words[1:])
	if err != nil {
		return err
	}
	if *timeout > 0 {
		late := fmt.Errorf("%s: no answer within %v", wamp.ErrTimeout, *timeout)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, *timeout, late)
		defer cancel()
	}
	c, err := dialOnce(ctx, dial)
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.Call(ctx, words[0], payload, &client.CallOptions{Timeout: *timeout})
	if err != nil {
		return err
	}
	line, err := newPayloadLine(r.Payload)
	if err != nil {
		return errors.Join(errors.New("the result cannot be shown as JSON"), err)
	}
	return printLine(io, line)
}

// dialOnce connects within connectTimeout, whatever time ctx leaves for the rest.
func dialOnce(ctx context.Context, dial dialFlags) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	cfg, err := dial.config()
	if err != nil {
		return nil, err
	}
	return client.Dial(ctx, cfg)
}
