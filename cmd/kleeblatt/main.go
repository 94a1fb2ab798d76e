package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit statuses of all commands.
const (
	statusOK     = 0
	statusFailed = 1
	statusUsage  = 2
)

// stdio is where a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// say prints one line for people.
func (s stdio) say(format string, a ...any) { fmt.Fprintf(s.err, format+"\n", a...) }

// command is one subcommand.
type command struct {
	name    string
	args    string // the synopsis behind the name
	summary string // one line
	help    string // the rest of the help text, before the flags
	// run gets the words behind the command's name. A *usageError becomes statusUsage, any other error statusFailed.
	run func(ctx context.Context, words []string, io stdio) error
}

func commands() []*command {
	return []*command{serveCommand, subCommand, pubCommand, callCommand, registerCommand, benchCommand, explainCommand, statusCommand, demoCommand, versionCommand}
}

// usageError is a command that was asked for wrongly.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, a ...any) error { return &usageError{fmt.Sprintf(format, a...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	status := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(status)
}

// run is the whole program but for the process around it.
func run(ctx context.Context, words []string, io stdio) int {
	if len(words) == 0 {
		usage(io.err)
		return statusUsage
	}
	name := words[0]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(words) > 1 {
			return run(ctx, []string{words[1], "--help"}, io)
		}
		usage(io.out)
		return statusOK
	case "--version", "-version":
		name = versionCommand.name
	}
	for _, c := range commands() {
		if c.name == name {
			return c.report(c.run(ctx, words[1:], io), io)
		}
	}
	io.say("kleeblatt: there is no command %q; try: kleeblatt help", name)
	return statusUsage
}

// report turns a command's error into its exit status and a line for people.
func (c *command) report(err error, io stdio) int {
	var wrong *usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return statusOK
	case errors.As(err, &wrong):
		io.say("kleeblatt %s: %v\nusage: kleeblatt %s\nmore: kleeblatt %s --help", c.name, err, strings.TrimSpace(c.name+" "+c.args), c.name)
		return statusUsage
	}
	io.say("kleeblatt %s: %v", c.name, err)
	return statusFailed
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Kleeblatt is a WAMP router that runs as any number of equal nodes.\n\nusage: kleeblatt COMMAND …\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nkleeblatt COMMAND --help tells the rest.\n")
}
