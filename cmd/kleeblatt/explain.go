package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"kleeblatt/internal/client"
)

var explainCommand = &command{
	name:    "explain",
	args:    "[--url URL]… [--realm REALM] [-o text|json] URI",
	summary: "tell who would get a publication to a topic or a call of a procedure, and why",
	help: `
It asks a node for what it would do with that URI: which subscriptions match, who of its own sessions and which other nodes
hold them, which callees a call may go to, in what order, and in what state the other nodes are. Nothing is published or called.
`,
}

func init() { explainCommand.run = runExplain }

// explanation is what kleeblatt.cluster.explain returns.
type explanation struct {
	URI         string `json:"uri"`
	Realm       string `json:"realm"`
	Node        string `json:"node"`
	Publication []struct {
		Subscription uint64      `json:"subscription"`
		Match        string      `json:"match"`
		Topic        string      `json:"topic"`
		Sessions     []explained `json:"sessions"`
		Total        int         `json:"sessions_total"`
		Nodes        []explained `json:"nodes"`
	} `json:"publication"`
	Call *struct {
		Registration uint64      `json:"registration"`
		Match        string      `json:"match"`
		Procedure    string      `json:"procedure"`
		Invoke       string      `json:"invoke"`
		Callees      []explained `json:"callees"`
		Why          string      `json:"why"`
	} `json:"call"`
	Nodes []explained `json:"nodes"`
}

// explained is a session, a node, or a session on a node.
type explained struct {
	Session  uint64 `json:"session"`
	AuthID   string `json:"authid"`
	AuthRole string `json:"authrole"`
	Node     string `json:"node"`
	State    string `json:"state"`
	Link     string `json:"link"`
	Why      string `json:"why"`
}

func runExplain(ctx context.Context, words []string, io stdio) error {
	fs := explainCommand.flags(io)
	var dial dialFlags
	dial.add(fs)
	format := fs.String("o", "text", "output: text for people, json as the node says it")
	words, err := parse(fs, words)
	switch {
	case err != nil:
		return err
	case len(words) != 1:
		return usagef("one URI is needed")
	case *format != "text" && *format != "json":
		return usagef("-o %s is neither text nor json", *format)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c, err := dialOnce(ctx, dial)
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.Call(ctx, "kleeblatt.cluster.explain", client.Args(words[0]), nil)
	if err != nil {
		return err
	}
	if *format == "json" {
		args, _, err := r.Payload.Split()
		if err == nil && len(args) > 0 {
			_, err = fmt.Fprintf(io.out, "%s\n", args[0])
		}
		return err
	}
	var e explanation
	if err := r.Payload.Decode(&e); err != nil {
		return err
	}
	return printExplanation(io.out, &e)
}

func printExplanation(out io.Writer, e *explanation) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s in %s, asked at %s\n", e.URI, e.Realm, e.Node)
	fmt.Fprint(w, "\na publication goes to\n")
	if len(e.Publication) == 0 {
		fmt.Fprint(w, "  nobody: no subscription matches\n")
	}
	for i := range e.Publication {
		s := &e.Publication[i]
		fmt.Fprintf(w, "  %s %s, subscription %d\n", s.Match, quoted(s.Topic), s.Subscription)
		for j := range s.Sessions {
			fmt.Fprintf(w, "    %s\t%s\n", e.Node, s.Sessions[j].session())
		}
		if more := s.Total - len(s.Sessions); more > 0 {
			fmt.Fprintf(w, "    %s\tand %d more sessions\n", e.Node, more)
		}
		for _, n := range s.Nodes {
			fmt.Fprintf(w, "    %s\tits subscribers, %s\n", n.Node, n.path())
		}
	}
	fmt.Fprint(w, "\na call goes to\n")
	switch c := e.Call; {
	case c == nil:
		fmt.Fprint(w, "  nobody: no registration matches\n")
	case len(c.Callees) == 0:
		fmt.Fprintf(w, "  the node itself: %s\n", c.Why)
	default:
		fmt.Fprintf(w, "  %s %s, registration %d, invoke %s\n", c.Match, quoted(c.Procedure), c.Registration, c.Invoke)
		for i := range c.Callees {
			x := &c.Callees[i]
			fmt.Fprintf(w, "    %s\t%s\t%s\t%s\n", x.Node, x.session(), x.Why, x.path())
		}
	}
	if len(e.Nodes) > 0 {
		fmt.Fprint(w, "\nother nodes\n")
	}
	for _, n := range e.Nodes {
		fmt.Fprintf(w, "  %s\t%s\n", n.Node, n.path())
	}
	return w.Flush()
}

func (x *explained) session() string {
	if x.AuthID == "" {
		return fmt.Sprintf("session %d", x.Session)
	}
	return fmt.Sprintf("session %d (%s, %s)", x.Session, x.AuthID, x.AuthRole)
}

func (x *explained) path() string {
	switch {
	case x.State == "self":
		return "this node"
	case x.State == "hidden", x.State == "gone", x.State == "forgotten", x.State == "buried":
		return x.State + ": nothing is routed to it"
	case x.Link == "", x.Link == "none":
		return x.State
	}
	return x.State + " over " + x.Link
}

// quoted shows a pattern, which may be empty or end in a dot.
func quoted(pattern string) string {
	b, _ := json.Marshal(pattern)
	return string(b)
}
