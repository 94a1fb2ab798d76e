package client

import (
	"strings"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

func openBare(t *testing.T, f *fake, cfg Config, opt BareOptions) *Bare {
	t.Helper()
	cfg.URLs = append(cfg.URLs, f.url)
	o, err := NewOpener(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := o.Open(patient(t), len(cfg.URLs)-1, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// TestBare: what is gathered goes out with the next flush and not before, requests are counted, answers are read one by one.
func TestBare(t *testing.T) {
	f := newFake(t)
	quiet := make(chan struct{})
	tale(t, func() {
		l := f.welcome()
		<-quiet
		l.quiet()
		close(quiet)
		l.expect(`[16,1,{},"com.t"]`)
		l.expect(`[70,9,{}]`)
		l.expect(`[16,2,{},"com.t"]`)
		l.say(`[17,1,5]`)
		l.say(`[17,2,6]`)
	})
	b := openBare(t, f, Config{URLs: []string{"unix:///nonexistent/socket"}}, BareOptions{ReadBytes: 512})
	if b.ID() != 7 || b.URL() != f.url || b.Serializer() != wamp.JSON {
		t.Errorf("session %d at %s in %s", b.ID(), b.URL(), b.Serializer())
	}
	publish := func(dst []byte, request uint64) []byte {
		return codec.AppendPublish(dst, b.Serializer(), request, nil, "com.t", codec.Payload{})
	}
	answered := make(chan error, 2)
	go func() {
		var m codec.Message
		for range 2 {
			answered <- b.Receive(&m) // answers the ping of quiet meanwhile
		}
	}()
	if id, err := b.Ask(publish); id != 1 || err != nil {
		t.Error(id, err)
	}
	if err := b.Tell(func(dst []byte) []byte {
		return codec.AppendYield(dst, b.Serializer(), 9, false, codec.Payload{})
	}); err != nil {
		t.Error(err)
	}
	if id, err := b.Ask(publish); id != 2 || err != nil || b.Held() == 0 {
		t.Error(id, err, b.Held())
	}
	quiet <- struct{}{}
	<-quiet
	if err := b.Flush(); err != nil || b.Held() != 0 {
		t.Error(err, b.Held())
	}
	for range 2 {
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
	b.Close()
	if err := b.Receive(&codec.Message{}); err == nil {
		t.Error("a closed session was read")
	}
}

// TestBareTooLarge: a message that the router does not take is told to whoever asked, and costs no request id.
func TestBareTooLarge(t *testing.T) {
	f := newFake(t)
	tale(t, func() { f.welcome().expect(`[16,1,{},"com.t"]`) })
	b := openBare(t, f, Config{}, BareOptions{})
	topic := strings.Repeat("t", messageBytesMax)
	for _, topic := range []string{topic, "com.t"} {
		id, err := b.Ask(func(dst []byte, request uint64) []byte {
			return codec.AppendPublish(dst, b.Serializer(), request, nil, topic, codec.Payload{})
		})
		if (err == nil) != (topic == "com.t") || err == nil && id != 1 {
			t.Error(id, err)
		}
	}
	if err := b.Flush(); err != nil {
		t.Error(err)
	}
}

func TestBareRefused(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.accept()
		l.receive()
		l.say(`[3,{},"wamp.error.no_such_realm"]`)
	})
	o, err := NewOpener(Config{URLs: []string{f.url}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Open(patient(t), 0, BareOptions{}); !HasURI(err, wamp.ErrNoSuchRealm) {
		t.Error(err)
	}
}
