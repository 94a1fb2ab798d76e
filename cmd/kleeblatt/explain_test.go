package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestExplainCommand(t *testing.T) {
	n := startNode(t, "rs://127.0.0.1:0")
	url := strings.TrimSuffix(n.URLs()[0], "/")
	sub := startTool(t, "sub", "--url", url, "--match", "prefix", "com.explain.")
	sub.says("subscribed")
	reg := startTool(t, "register", "--url", url, "--exec", "cat", "com.explain.this")
	reg.says("registered")
	status, out, complaints := ask(t.Context(), "explain", "--url", url, "com.explain.this")
	if status != statusOK || complaints != "" {
		t.Fatalf("%d: %s", status, complaints)
	}
	for _, want := range []string{`prefix "com.explain."`, `exact "com.explain.this"`, "invoke single", "the one owner", "this node", "anonymous)"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	status, out, _ = ask(t.Context(), "explain", "--url", url, "-o", "json", "nobody.there")
	var e explanation
	if err := json.Unmarshal([]byte(out), &e); err != nil || status != statusOK || e.URI != "nobody.there" || e.Call != nil || len(e.Publication) != 0 {
		t.Errorf("%d %s: %v", status, out, err)
	}
	if _, out, _ = ask(t.Context(), "explain", "--url", url, "nobody.there"); strings.Count(out, "nobody: ") != 2 {
		t.Errorf("said %s", out)
	}
	if status, _, complaints = ask(t.Context(), "explain", "--url", url, "a..b"); status != statusFailed || !strings.Contains(complaints, "wamp.error.invalid_uri") {
		t.Errorf("%d: %s", status, complaints)
	}
	if status, _, _ = ask(t.Context(), "explain"); status != statusUsage {
		t.Errorf("%d without a URI", status)
	}
}
