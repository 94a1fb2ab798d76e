package systems

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What each system of ours is told at its first and at a later start.
func TestCommands(t *testing.T) {
	founds, joins := []int{0, 2, 2}, []int{2, 2, 2} // how many others each of three nodes joins
	for name, want := range map[string]struct {
		first, again []int
		voters       bool
	}{
		"kleeblatt": {joins, joins, false}, "gossip": {joins, joins, false}, "single": {[]int{0, 0, 0}, []int{0, 0, 0}, false},
		"raft": {founds, joins, true}, "raft-lan": {founds, joins, true}, "raft-paper": {founds, founds, true},
		"crossbar": {[]int{0, 0, 0}, []int{0, 0, 0}, false}, "null": {[]int{0, 0, 0}, []int{0, 0, 0}, false},
	} {
		s, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		s.path = "program"
		for i := range 3 {
			for again, want := range map[bool]int{false: want.first[i], true: want.again[i]} {
				words := s.command(i, []place{{host: "host"}, {host: "host"}, {host: "host"}}, again)
				if got := strings.Count(strings.Join(words, " "), "--join host:"); got != want {
					t.Errorf("%s, node %d, again %v: joins %d others, want %d", name, i, again, got, want)
				}
				if left := strings.ContainsAny(strings.Join(words, ""), "{}"); left {
					t.Errorf("%s: a word was not replaced: %q", name, words)
				}
			}
		}
		for n, voters := range map[int]string{1: "3", 3: "3", 4: "3", 5: "5", 7: "5"} {
			words := s.command(0, make([]place, n), false)
			i := slices.Index(words, "--voters")
			if want.voters != (i >= 0) || i >= 0 && words[i+1] != voters {
				t.Errorf("%s with %d nodes: %q", name, n, words)
			}
		}
	}
	if got := len(Names()); got != 8 {
		t.Errorf("there are %d systems, of which this test knows 8", got)
	}
}

func TestParseRefuses(t *testing.T) {
	good := "name: a\nprogram: b\ncommand: [c]\nurl: d\nrealm: e\n"
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{
		"other: 1", "nodes: -1", "nodes: 17", "first: [all]", "again: [others, some]", "what: '('", "files: {../x: y}", "files: {/x: y}",
	} {
		if _, err := Parse([]byte(good + more)); err == nil {
			t.Errorf("%s: no error", more)
		}
	}
	for line := range strings.Lines(good) {
		if _, err := Parse([]byte(strings.Replace(good, line, "", 1))); err == nil {
			t.Errorf("without %s no error", line)
		}
	}
	if _, err := Load("nobody-knows"); err == nil || !strings.Contains(err.Error(), "raft-lan") {
		t.Errorf("an unknown system: %v", err)
	}
	s, _ := Parse([]byte(strings.Replace(good, "program: b", "program: no-such-program", 1)))
	if err := s.Find(); !errors.Is(err, ErrMissing) {
		t.Errorf("a missing program: %v", err)
	}
}

// A banner is not what a program is.
func TestWhat(t *testing.T) {
	script := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nprintf '\\n  ::::: \\n  :::::   Crossbar.io v26.10.1 - a name\\n'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Load("crossbar")
	if err != nil {
		t.Fatal(err)
	}
	s.Program = script
	if err := s.Find(); err != nil {
		t.Skip(err)
	}
	if got := s.What(); got != "Crossbar.io v26.10.1" {
		t.Errorf("it is %q", got)
	}
	s.Pattern = ""
	if got := s.What(); got != ":::::" {
		t.Errorf("without a pattern it is %q", got)
	}
	s.path = filepath.Join(t.TempDir(), "missing")
	if got := s.What(); got != "unknown" {
		t.Errorf("a missing program is %q", got)
	}
}

func TestParseStat(t *testing.T) {
	m, ok := parseStat("12 (a (b) c) S 1 34 34 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0")
	if want := (member{pid: 12, group: 34, cpu: 10 * clockTick}); !ok || m != want {
		t.Errorf("%+v, want %+v", m, want)
	}
	for _, text := range []string{"", "12", "12 (a)", "12 (a) S 1 34", ") (", "x (a) S 1 34 34 0 -1 0 0 0 0 0 1 2 3 4"} {
		if m, ok := parseStat(text); ok {
			t.Errorf("%q: %+v", text, m)
		}
	}
}
