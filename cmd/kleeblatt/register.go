package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// execError is the URI of the ERROR that a command's exit status becomes.
const execError = "kleeblatt.error.exec_failed"

// execGrace is how long a killed command's children may keep its output open.
const execGrace = time.Second

var registerCommand = &command{
	name:    "register",
	args:    "[--url URL]… [--realm REALM] [--invoke POLICY] PROCEDURE (--echo | --exec COMMAND)",
	summary: "be a procedure: answer with the arguments, or with what a command prints",
	help: `
POLICY is one of single, roundrobin, random, first, last. When a node goes away, register connects to the next URL and registers
again, for ever; if the router revokes the registration, it ends with status 1.

--exec runs COMMAND in the shell once per call. The positional arguments are its $1, $2, … (text as it is, other values as
JSON); {"procedure":…,"args":[…],"kwargs":{…}} is its standard input. What it prints is the result: a JSON value as such, anything
else as text. An exit status other than 0 becomes the ERROR ` + execError + ` with what it printed on standard error.
A cancelled call kills it.
`,
}

func init() { registerCommand.run = runRegister }

var policies = map[string]wamp.Invoke{
	"single": wamp.Single, "roundrobin": wamp.RoundRobin, "random": wamp.Random, "first": wamp.First, "last": wamp.Last,
}

func runRegister(ctx context.Context, words []string, io stdio) error {
	fs := registerCommand.flags(io)
	var dial dialFlags
	dial.add(fs)
	policy := fs.String("invoke", "single", "invocation `POLICY`, for several callees of one procedure")
	echo := fs.Bool("echo", false, "answer with the arguments")
	shell := fs.String("exec", "", "answer with what `COMMAND` prints")
	words, err := parse(fs, words)
	if err != nil {
		return err
	}
	invoke, ok := policies[*policy]
	switch {
	case !ok:
		return usagef("--invoke %s is none of single, roundrobin, random, first, last", *policy)
	case len(words) != 1:
		return usagef("one PROCEDURE is needed")
	case *echo == (*shell != ""):
		return usagef("either --echo or --exec COMMAND is needed")
	}
	handler := answerEcho
	if !*echo {
		handler = answerExec(*shell)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return stay(ctx, cancel, dial, io, func(c *client.Client) error {
		_, err := c.Register(ctx, words[0], &client.RegisterOptions{Invoke: invoke}, handler)
		return err
	})
}

func answerEcho(_ context.Context, inv *client.Invocation) (client.Payload, error) {
	return inv.Payload, nil
}

type invocationLine struct {
	Procedure string `json:"procedure"`
	payloadLine
}

// answerExec answers with what the shell command prints.
func answerExec(line string) client.Handler {
	return func(ctx context.Context, inv *client.Invocation) (client.Payload, error) {
		cmd, err := prepareExec(ctx, line, inv)
		if err != nil {
			return client.Payload{}, err
		}
		var out, complaint bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &complaint
		if err := cmd.Run(); err != nil {
			text := strings.TrimSpace(complaint.String())
			return client.Payload{}, &client.Error{Type: wamp.Invocation, URI: execError, Payload: client.Args(err.Error(), text)}
		}
		return execResult(out.Bytes()), nil
	}
}

func prepareExec(ctx context.Context, line string, inv *client.Invocation) (*exec.Cmd, error) {
	values, err := newPayloadLine(inv.Payload)
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(invocationLine{inv.Procedure, values})
	if err != nil {
		return nil, err
	}
	args, err := shellWords(values.Args)
	if err != nil {
		return nil, err
	}
	var cmd *exec.Cmd
	if runtime.GOOS == "windows" {
		cmd = exec.CommandContext(ctx, "cmd", "/C", line)
	} else {
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", line, "sh"}, args...)...)
	}
	cmd.Stdin = bytes.NewReader(append(input, '\n'))
	cmd.WaitDelay = execGrace
	killGroup(cmd)
	return cmd, nil
}

// shellWords are the values of a JSON array as words: text without its quotes, all else as JSON.
func shellWords(list json.RawMessage) ([]string, error) {
	var values []json.RawMessage
	if err := json.Unmarshal(list, &values); err != nil {
		return nil, err
	}
	words := make([]string, len(values))
	for i, v := range values {
		if json.Unmarshal(v, &words[i]) != nil || string(v) == "null" {
			words[i] = string(v)
		}
		if strings.ContainsRune(words[i], 0) {
			return nil, errors.New("an argument with a NUL character cannot be handed to a command")
		}
	}
	return words, nil
}

// execResult is the output as one argument; nothing printed is no argument.
func execResult(out []byte) client.Payload {
	text := bytes.TrimSpace(out)
	switch {
	case len(text) == 0:
		return client.Payload{}
	case json.Valid(text):
		return client.Args(json.RawMessage(text))
	}
	return client.Args(strings.ToValidUTF8(string(text), "\uFFFD"))
}
