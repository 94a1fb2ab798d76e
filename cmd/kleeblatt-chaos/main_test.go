package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		words  []string
		status int
		out    string
	}{
		{[]string{"version"}, 0, "kleeblatt-chaos "},
		{[]string{"--help"}, 0, "usage:"},
		{[]string{"partition", "--help"}, 0, "usage:"},
		{[]string{"sim", "--help"}, 0, "usage:"},
		{[]string{"image", "--help"}, 0, "usage:"},
		{[]string{"run", "--help"}, 0, "usage:"},
		{[]string{"run", "--scenario", "X9", "--system", "gossip", "--out", "x"}, 2, ""},
		{[]string{"run", "--scenario", "A1", "--system", "nobody", "--out", "x"}, 2, ""},
		{[]string{"run", "--scenario", "A1", "--system", "single", "--nodes", "3", "--out", "x"}, 2, ""},
		{[]string{"run", "--scenario", "A1", "--system", "gossip"}, 2, ""},
		{[]string{"run", "--scenario", "A1", "--system", "gossip", "--out", "x", "--length", "long"}, 2, ""},
		{[]string{"evaluate", "--help"}, 0, "usage:"},
		{[]string{"evaluate"}, 2, ""},
		{[]string{"evaluate", "--out", "x", "--only", "X9"}, 2, ""},
		{[]string{"evaluate", "--out", "x", "--systems", "nobody"}, 2, ""},
		{[]string{"report", "--help"}, 0, "usage:"},
		{[]string{"report"}, 2, ""},
		{[]string{"image", "bin/kleeblatt"}, 2, ""},
		{[]string{"degrade", "--help"}, 0, "usage:"},
		{[]string{"degrade"}, 2, ""},
		{[]string{"degrade", "--listen", "127.0.0.1:0"}, 2, ""},
		{[]string{"degrade", "--profile", "5g", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"}, 2, ""},
		{[]string{"degrade", "--loss", "1", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"}, 2, ""},
		{[]string{"degrade", "--listen", "256.0.0.1:0", "--to", "127.0.0.1:1"}, 1, ""},
		{[]string{"degrade", "--profile", "3g", "--for", "1ms", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"}, 0, "profile 3g, seed 1\n  127.0.0.1:"},
		{[]string{"degrade", "--profile", "flapping", "--plan", "--for", "3s"}, 0, "    2.587 s  outage  both   for 3.037 s\n"},
		{[]string{"null", "--help"}, 0, "usage:"},
		{[]string{"null", "now"}, 2, ""},
		{[]string{"null", "--listen", "rs://127.0.0.1:0"}, 1, ""},
		{[]string{"partition", "--frob"}, 2, ""},
		{[]string{"partition", "--cuts", "0"}, 2, ""},
		{[]string{"partition", "--nodes", "2"}, 2, ""},
		{[]string{"partition", "--nodes", "99"}, 2, ""},
		{[]string{"partition", "now"}, 2, ""},
		{nil, 2, ""},
		{[]string{"simulate"}, 2, ""},
	} {
		var out, complaints strings.Builder
		if status := run(c.words, &out, &complaints); status != c.status {
			t.Errorf("%q: status %d, want %d", c.words, status, c.status)
		}
		if !strings.HasPrefix(out.String(), c.out) || (c.status != 0) != (complaints.Len() > 0) {
			t.Errorf("%q: out %q, complaints %q", c.words, out.String(), complaints.String())
		}
	}
}
