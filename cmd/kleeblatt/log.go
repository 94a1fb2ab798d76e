package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/term"

	"kleeblatt/internal/config"
)

// newLogger writes what people read on a terminal and what programs read elsewhere, unless it was chosen.
func newLogger(cfg config.Config, w io.Writer) *slog.Logger {
	format := cfg.LogFormat
	if format == config.Auto {
		format = config.JSON
		if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			format = config.Text
		}
	}
	if format == config.JSON {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: cfg.LogLevel}))
	}
	return slog.New(&lineHandler{out: &lineOut{w: w}, level: cfg.LogLevel})
}

// lineHandler writes one line for people per record:
//
//	19:48:31.201 INFO  link is up  node=n2 resumed=false
type lineHandler struct {
	out   *lineOut
	level slog.Level
	attrs []slog.Attr
	group string // prefix of the keys, with its dot
}

type lineOut struct {
	mu sync.Mutex
	w  io.Writer
}

// Enabled implements slog.Handler.
func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements slog.Handler.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	b := r.Time.AppendFormat(nil, "15:04:05.000 ")
	level := r.Level.String()
	b = append(b, level...)
	for range max(1, 6-len(level)) {
		b = append(b, ' ')
	}
	b = append(b, r.Message...)
	n := len(b)
	for _, a := range h.attrs {
		b = appendAttr(b, "", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, h.group, a)
		return true
	})
	if len(b) > n {
		b = slices.Insert(b, n, ' ')
	}
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := h.out.w.Write(append(bytes.ReplaceAll(b, []byte("\n"), []byte("\n\t")), '\n'))
	return err
}

func appendAttr(b []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, m := range v.Group() {
			b = appendAttr(b, prefix, m)
		}
		return b
	}
	b = append(append(append(append(b, ' '), prefix...), a.Key...), '=')
	text := v.String()
	if slices.ContainsFunc([]byte(text), func(c byte) bool { return c <= ' ' || c == '"' }) || text == "" {
		return strconv.AppendQuote(b, text)
	}
	return append(b, text...)
}

// WithAttrs implements slog.Handler.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Clip(c.attrs)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		c.attrs = append(c.attrs, a)
	}
	return &c
}

// WithGroup implements slog.Handler.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	c := *h
	if name != "" {
		c.group += name + "."
	}
	return &c
}
