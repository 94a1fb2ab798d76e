package main

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/node"
)

// ask runs the program in this process.
func ask(ctx context.Context, words ...string) (status int, out, complaints string) {
	var o, e strings.Builder
	status = run(ctx, words, stdio{strings.NewReader(""), &o, &e})
	return status, o.String(), e.String()
}

func TestFlagsAnywhere(t *testing.T) {
	for line, want := range map[string]string{
		"a b":                         "a b|realm1||false",
		"--realm r a --url u b --ack": "a b|r|u|true",
		"a --ack b --realm=r":         "a b|r||true",
		"a -url u --url v":            "a|realm1|u,v|false",
		"a -5 -.5 - --ack":            "a -5 -.5 -|realm1||true",
		"a -- --ack -x":               "a --ack -x|realm1||false",
		"--ack=false a":               "a|realm1||false",
	} {
		fs := flag.NewFlagSet("x", flag.ContinueOnError)
		var d dialFlags
		d.add(fs)
		fs.Usage = func() {}
		ack := fs.Bool("ack", false, "")
		rest, err := parse(fs, strings.Fields(line))
		got := strings.Join([]string{strings.Join(rest, " "), d.realm, d.urls.String(), map[bool]string{true: "true", false: "false"}[*ack]}, "|")
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", line, got, err, want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, line := range []string{
		"", "nonsense", "sub", "sub a b", "sub --match fuzzy a", "sub --nonsense a", "sub a --url", "sub a --url http://x", "call p --url ws://", "pub", `pub t {"a"`, "pub t a=1 a=2", `pub t a=[`,
		"call", "call --timeout -1s p", "call --timeout soon p", "register p", "register --echo", "register p --echo --exec true",
		"register p --echo --invoke all", "status now", "bench", "bench tea", "bench pubsub rpc", "bench pubsub --topics 2", "bench rpc --callees 20",
		"bench idle --sessions 0", "bench pubsub --payload 27", "bench pubsub --serializer xml", "bench pubsub -o xml", "bench connect --rate -1", "bench pubsub --url http://x",
		"bench pubsub --receiver-url http://x", "bench pubsub --duration 0s", "bench pubsub --subscribers 0", "bench rpc --publishers 3", "status -o xml", "version now", "demo now", "serve --nonsense",
	} {
		status, out, complaints := ask(t.Context(), strings.Fields(line)...)
		if status != statusUsage || out != "" || complaints == "" {
			t.Errorf("%q: status %d, out %q, complaints %q", line, status, out, complaints)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, c := range commands() {
		for _, words := range [][]string{{c.name, "--help"}, {"help", c.name}, {c.name, "-h"}} {
			status, out, complaints := ask(t.Context(), words...)
			if status != statusOK || complaints != "" || !strings.HasPrefix(out, "usage: kleeblatt "+c.name) {
				t.Errorf("%q: status %d, out %q, complaints %q", words, status, out, complaints)
			}
		}
	}
	_, out, _ := ask(t.Context(), "help")
	for _, c := range commands() {
		if !strings.Contains(out, "\n  "+c.name+" ") {
			t.Errorf("help does not name %s", c.name)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, word := range []string{"version", "--version"} {
		if status, out, _ := ask(t.Context(), word); status != statusOK || !strings.HasPrefix(out, "kleeblatt "+node.Version+" (go") {
			t.Errorf("%s: %d, %q", word, status, out)
		}
	}
}

func TestValues(t *testing.T) {
	for line, want := range map[string]string{
		``:                                  `[]{}`,
		`1 -2.50 "a" null true [1] {"b":2}`: `[1,-2.50,"a",null,true,[1],{"b":2}]{}`,
		`hello a.b-c wörld`:                 `["hello","a.b-c","wörld"]{}`,
		`x=1 y=hello z_1.k={"q":[]}`:        `[]{"x":1,"y":"hello","z_1.k":{"q":[]}}`,
		`1=2 =3 "a=b"`:                      `["1=2","=3","a=b"]{}`,
		`9007199254740993 e=`:               `[9007199254740993]{"e":""}`,
	} {
		p, err := parsePayload(strings.Fields(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		args, kwargs, err := p.JSON()
		if got := string(args) + string(kwargs); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", line, got, err, want)
		}
	}
}

func TestShellWords(t *testing.T) {
	got, err := shellWords([]byte(`["a b",1.50,null,true,["x"],""]`))
	if err != nil || !slices.Equal(got, []string{"a b", "1.50", "null", "true", `["x"]`, ""}) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := shellWords([]byte(`["a\u0000b"]`)); err == nil {
		t.Error("a NUL was handed on")
	}
}

func TestExecResult(t *testing.T) {
	for out, want := range map[string]string{
		"":                 "[] {}",
		" \n":              "[] {}",
		"[1, 2]\n":         "[[1,2]] {}",
		"12\n":             "[12] {}",
		"plain\ntext\n":    `["plain\ntext"] {}`,
		"not utf-8 \xFF\n": "[\"not utf-8 \uFFFD\"] {}",
	} {
		args, kwargs, err := execResult([]byte(out)).JSON()
		if got := string(args) + " " + string(kwargs); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", out, got, err, want)
		}
	}
}

func TestPrefixedLines(t *testing.T) {
	var out strings.Builder
	l := &lineWriter{out: &out}
	a, b := l.prefixed("a | "), l.prefixed("b | ")
	for _, s := range []string{"one\ntw", "", "o\n\n"} {
		if n, err := a.Write([]byte(s)); n != len(s) || err != nil {
			t.Error(n, err)
		}
		b.Write([]byte("x\n"))
	}
	a.Write([]byte(strings.Repeat("y", 2*prefixLineMax+1)))
	head := "a | one\nb | x\nb | x\na | two\na | \nb | x\n"
	long := "a | " + strings.Repeat("y", prefixLineMax) + "\n"
	if got := out.String(); len(got) < len(head) || got[:len(head)] != head || got[len(head):len(head)+len(long)] != long {
		t.Errorf("%.300s", got)
	}
}
