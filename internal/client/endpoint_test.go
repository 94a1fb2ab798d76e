package client

import "testing"

func TestParseEndpoint(t *testing.T) {
	for raw, want := range map[string]endpoint{
		"ws://127.0.0.1:8080/ws":  {network: "tcp", address: "127.0.0.1:8080", host: "127.0.0.1:8080", path: "/ws", websocket: true},
		"ws://example":            {network: "tcp", address: "example:80", host: "example", path: "/", websocket: true},
		"wss://example/a?b=c":     {network: "tcp", address: "example:443", host: "example", path: "/a?b=c", tls: true, websocket: true},
		"rs://[::1]:7000":         {network: "tcp", address: "[::1]:7000", host: "[::1]:7000", path: "/"},
		"rss://example:1/":        {network: "tcp", address: "example:1", host: "example:1", path: "/", tls: true},
		"unix:///tmp/router.sock": {network: "unix", address: "/tmp/router.sock", host: "localhost"},
		"unix:router.sock":        {network: "unix", address: "router.sock", host: "localhost"},
	} {
		got, err := parseEndpoint(raw)
		want.url = raw
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "http://example", "ws://", "ws:///ws", "rs://example/path", "rs://example?x", "unix://", "unix://host/sock", "ws://u:p@example", "ws://exa mple", "127.0.0.1:8080"} {
		if e, err := parseEndpoint(raw); err == nil {
			t.Errorf("%q was taken for %+v", raw, e)
		}
	}
}
