package node

import (
	"os"
	"strings"
	"testing"
)

// linkedBy is how n is linked with the first other node.
func linkedBy(n *Node) string {
	for _, m := range n.Status().Members {
		return m.Link
	}
	return ""
}

// TestLinkSocketsLeaveNothingBehind: not even those of a process that is killed, since no file is ever made.
func TestLinkSocketsLeaveNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	nodes := runCluster(t, 2)
	for _, n := range nodes {
		if kind := linkedBy(n); kind != "unix" {
			t.Errorf("%s is linked by %q", n.name, kind)
		}
		if _, name, _ := strings.Cut(n.unix, ":"); !strings.HasPrefix(name, "@kleeblatt-") {
			t.Errorf("the socket is %q", name)
		}
	}
	if files, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(files) > 0 {
		t.Errorf("files %v, %v", files, err)
	}
}

// TestLinkSocketOutOfReach: a socket of another network namespace of the same host is as one that nobody has bound; TCP links then.
func TestLinkSocketOutOfReach(t *testing.T) {
	t.Parallel()
	elsewhere := hooks{linkUnix: func(path string) string { return path + "-elsewhere" }}
	a := run(t, elsewhere, "--name", "n1")
	b := run(t, elsewhere, "--name", "n2", "--join", a.GossipAddr())
	settle(t, a, b)
	for _, n := range []*Node{a, b} {
		if kind := linkedBy(n); kind != "tcp" {
			t.Errorf("%s is linked by %q", n.name, kind)
		}
	}
}

// TestLinkSocketNotWanted: a node that is to link over TCP alone does, whoever dials.
func TestLinkSocketNotWanted(t *testing.T) {
	t.Parallel()
	a := run(t, hooks{}, "--name", "n1", "--same-host", "tcp")
	b := run(t, hooks{}, "--name", "n2", "--join", a.GossipAddr())
	c := run(t, hooks{}, "--name", "n0", "--join", a.GossipAddr())
	settle(t, a, b, c)
	for _, n := range []*Node{a, b, c} {
		for _, m := range n.Status().Members {
			want := "tcp"
			if n != a && m.Name != a.name {
				want = "unix"
			}
			if m.Name != n.name && m.Link != want {
				t.Errorf("%s is linked with %s by %q, not by %s", n.name, m.Name, m.Link, want)
			}
		}
	}
}
