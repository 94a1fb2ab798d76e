package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"kleeblatt/internal/config"
)

func TestLogLinesAreForPeopleWhenAsked(t *testing.T) {
	var b bytes.Buffer
	log := newLogger(config.Config{LogFormat: config.Text}, &b)
	log.With("node", "n1").WithGroup("link").Warn("it broke\nbadly", "err", errors.New("no route"), slog.Group("rtt", "us", 7))
	log.Debug("not at this level")
	line := b.String()
	_, line, _ = strings.Cut(line, " ")
	if want := "WARN  it broke\n\tbadly  node=n1 link.err=\"no route\" link.rtt.us=7\n"; line != want {
		t.Fatalf("got %q, want %q", line, want)
	}
}

func TestLogIsJSONWhereNoTerminalIs(t *testing.T) {
	var b bytes.Buffer
	newLogger(config.Config{LogFormat: config.Auto}, &b).Info("ready", "url", "ws://x")
	if !strings.HasPrefix(b.String(), `{"time":`) || !strings.Contains(b.String(), `"msg":"ready","url":"ws://x"`) {
		t.Fatalf("got %q", b.String())
	}
}
