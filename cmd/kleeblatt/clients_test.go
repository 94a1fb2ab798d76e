//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Real clients talk through different nodes of a cluster of processes. What they do stands in testdata/clients. They run where
// their packages are named:
//
//	KLEEBLATT_NODE_MODULES  a node_modules folder with autobahn, wampy and ws
//	KLEEBLATT_NODE          a Node.js of version 22 or above (autobahn needs it); wampy runs on the "node" of the PATH
//	KLEEBLATT_PYTHON        a Python with autobahn

// What they do and what they cannot do themselves:
//
//	              pub/sub, patterns, calls, progress, cancel          proofs
//	wampy         WebSocket × JSON, MessagePack, CBOR                 anonymous, ticket, wampcra (plain, salted), cryptosign
//	              it has no RawSocket                                 it has no scram
//	autobahn-js   WebSocket × JSON, MessagePack, CBOR;                the same
//	              RawSocket × JSON, since it speaks no other there    it has no scram
//	autobahn      WebSocket, RawSocket × JSON, MessagePack, CBOR      the same, and scram by argon2id; its pbkdf2 fails by itself

// TestClientsJS: autobahn-js and wampy with themselves and with each other.
func TestClientsJS(t *testing.T) {
	modules, node := os.Getenv("KLEEBLATT_NODE_MODULES"), os.Getenv("KLEEBLATT_NODE")
	if modules == "" || node == "" {
		t.Skip("set KLEEBLATT_NODE_MODULES and KLEEBLATT_NODE")
	}
	c := startCluster(t, 3)
	dir := t.TempDir()
	copyClients(t, dir)
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for i, pair := range []struct{ node, first, second string }{
		{"node", "wampy:json", "wampy:msgpack"},
		{node, "autobahn:json", "wampy:cbor"},
		{node, "autobahn:msgpack", "autobahn:json"},
		{node, "autobahn:cbor", "wampy:msgpack"},
		{node, "autobahn:rawsocket", "autobahn:cbor"},
		{node, "autobahn:rawsocket", "wampy:json"},
	} {
		a, b := c.nodes[i%3], c.nodes[(i+1)%3]
		runClient(t, dir, pair.node, "run.mjs", pair.first, pair.second, a.ws(), b.ws())
	}
	c.awaitMesh()
}

// TestClientsPython: autobahn-python over WebSocket and RawSocket, in three serializers.
func TestClientsPython(t *testing.T) {
	python := os.Getenv("KLEEBLATT_PYTHON")
	if python == "" {
		t.Skip("set KLEEBLATT_PYTHON")
	}
	c := startCluster(t, 3)
	dir := t.TempDir()
	copyClients(t, dir)
	runClient(t, dir, python, "autobahn_python.py", c.nodes[0].ws(), c.nodes[2].rs())
	runClient(t, dir, python, "autobahn_python.py", c.nodes[1].rs(), c.nodes[0].ws())
}

// TestClientsProve: autobahn and wampy prove who they are, in JavaScript and Python, by every method that it and we know.
func TestClientsProve(t *testing.T) {
	modules, js, python := os.Getenv("KLEEBLATT_NODE_MODULES"), os.Getenv("KLEEBLATT_NODE"), os.Getenv("KLEEBLATT_PYTHON")
	if modules == "" || js == "" || python == "" {
		t.Skip("set KLEEBLATT_NODE_MODULES, KLEEBLATT_NODE and KLEEBLATT_PYTHON")
	}
	dir := t.TempDir()
	copyClients(t, dir)
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "users.yaml")
	const users = `users:
  - {authid: joe, role: backend, ticket: ticket1, wampcra: {secret: secret1, salt: salt123, iterations: 1000},
     cryptosign: 1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d}
  - {authid: ann, role: guest, wampcra: secret2, scram: {password: ink, kdf: argon2id13, iterations: 1, memory: 64}}
anonymous: anonymous
`
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCluster(t, 3, "--config", file)
	runClient(t, dir, python, "autobahn_auth.py", c.nodes[0].ws())
	runClient(t, dir, python, "autobahn_auth.py", c.nodes[1].rs())
	runClient(t, dir, js, "autobahn_auth.mjs", c.nodes[1].ws(), c.nodes[2].rs())
	runClient(t, dir, "node", "wampy_auth.mjs", c.nodes[2].ws())
}

func copyClients(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS("testdata/clients")); err != nil {
		t.Fatal(err)
	}
}

// runClient runs a script, which prints "ok - …" and "not ok - …" lines, each a test of its own here.
func runClient(t *testing.T, dir string, words ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	ok := 0
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if title, failed := strings.CutPrefix(line, "not ok - "); failed {
			t.Run(title, func(t *testing.T) { t.Error(line) })
		} else if title, passed := strings.CutPrefix(line, "ok - "); passed {
			ok++
			t.Run(title, func(*testing.T) {})
		}
	}
	if err != nil || ok == 0 {
		t.Errorf("%s: %v, %d scenarios passed\n%s", strings.Join(words, " "), err, ok, out)
	}
}
