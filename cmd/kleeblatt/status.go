package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"kleeblatt/internal/admin"
)

const (
	defaultAdmin = "127.0.0.1:9090"
	// statusTimeout is how long a node may take to answer.
	statusTimeout = 5 * time.Second
	// statusBytesMax bounds the answer: 128 nodes take a few hundred bytes each.
	statusBytesMax = 4 << 20
)

var statusCommand = &command{
	name:    "status",
	args:    "[--admin HOST:PORT] [-o text|json]",
	summary: "tell what a node knows of its cluster",
	help: `
It asks a node's admin address for /cluster. Two nodes route by equal tables when their digests are equal.
`,
}

func init() { statusCommand.run = runStatus }

func runStatus(ctx context.Context, words []string, io stdio) error {
	fs := statusCommand.flags(io)
	address := fs.String("admin", defaultAdmin, "admin address of the node")
	format := fs.String("o", "text", "output: text for people, json as the node says it")
	words, err := parse(fs, words)
	switch {
	case err != nil:
		return err
	case len(words) > 0:
		return usagef("%s is not expected here", words[0])
	case *format != "text" && *format != "json":
		return usagef("-o %s is neither text nor json", *format)
	}
	answer, err := fetchStatus(ctx, *address)
	if err != nil {
		return err
	}
	if *format == "json" {
		_, err = fmt.Fprintf(io.out, "%s\n", bytes.TrimSpace(answer))
		return err
	}
	var s admin.Status
	if err := json.Unmarshal(answer, &s); err != nil {
		return fmt.Errorf("%s answers with something else: %w", *address, err)
	}
	return printStatus(io.out, &s)
}

func fetchStatus(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/cluster", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, statusBytesMax))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", address, response.Status, bytes.TrimSpace(body))
	}
	return body, err
}

// printStatus writes one line for the node, and one for every other.
func printStatus(out io.Writer, s *admin.Status) error {
	ready := "ready"
	if !s.Ready {
		ready = "not ready"
	}
	sessions := "1 session"
	if s.Sessions != 1 {
		sessions = fmt.Sprintf("%d sessions", s.Sessions)
	}
	fmt.Fprintf(out, "node %s: %s, %s, digest %s\n\n", s.Node, ready, sessions, s.Digest)
	parts := map[string]admin.Part{}
	for _, p := range s.Parts {
		parts[p.Owner] = p
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSTATE\tLINK\tRTT\tENTRIES\tVERSION\tEPOCH")
	line := func(name, state, link, rtt string, epoch uint64) {
		entries, version := "-", "-"
		if p, ok := parts[name]; ok {
			entries, version = fmt.Sprint(p.Entries), fmt.Sprint(p.Version)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", name, state, link, rtt, entries, version, epoch)
	}
	line(s.Node, "self", "-", "-", s.Epoch)
	for _, m := range s.Members {
		rtt := "-"
		if m.RTTus > 0 {
			rtt = (time.Duration(m.RTTus) * time.Microsecond).String()
		}
		line(m.Name, m.State, m.Link, rtt, m.Epoch)
	}
	return w.Flush()
}
