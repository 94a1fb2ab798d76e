package longpoll

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/cors"
	"kleeblatt/internal/wamp"
)

// Config is what a Server needs.
type Config struct {
	// Dial opens a connection to this node on which RawSocket is spoken.
	Dial      func() (net.Conn, error)
	BodyBytes int // of a request
	// PerAddress bounds the transports of one address; 0 for no such bound. Unix sockets are not counted.
	PerAddress int
	// Address is what addresses are counted by, and whether one is local and not counted. It is needed with PerAddress.
	Address func(netip.Addr) (key uint64, local bool)
	// Allowed says whether pages of that origin may use it under that host; nil for no pages of other sites.
	Allowed func(origin, host string) bool
	// NoContent answers 204 where the specification has 202: autobahn-js takes nothing else.
	NoContent bool
}

const (
	// Prefix is where it is found.
	Prefix = "/longpoll/"
	// transportsMax bounds the transports of a node: each may hold queueBytes, and a goroutine.
	transportsMax = 1024
	// sendsMax bounds the bodies that are read and handed on at a time.
	sendsMax = 256
	// openBytesMax bounds the body of /open: six protocols have names.
	openBytesMax = 4 << 10
	// holdTime is how long a receive is held: below the 12 seconds that autobahn-js waits, and what proxies allow.
	holdTime = 10 * time.Second
	// idleTime is how long a transport lives without a request: several lost ones, and a client that reconnects.
	idleTime = 45 * time.Second
	// bodyTimeout is how long a client may take to send a body.
	bodyTimeout = 10 * time.Second
	idBytes     = 18
)

// Server is an http.Handler for all below Prefix.
type Server struct {
	cfg Config

	mu         sync.Mutex
	transports map[string]*transport
	of         map[uint64]int // transports by address
	closed     bool
	pumps      sync.WaitGroup

	sends chan struct{} // those under way
}

// New returns a Server without transports.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, transports: map[string]*transport{}, of: map[uint64]int{}, sends: make(chan struct{}, sendsMax)}
}

// Close ends all transports.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	var all []*transport
	for _, t := range s.transports {
		all = append(all, t)
	}
	s.mu.Unlock()
	for _, t := range all {
		t.end()
	}
	s.pumps.Wait()
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	id, verb, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/") // LPL-05: the query is not looked at
	switch {
	case !cors.Admits(w, r, s.cfg.Allowed):
		http.Error(w, "this origin is not allowed", http.StatusForbidden)
	case r.Method == http.MethodOptions:
		cors.Preflight(w, "POST, OPTIONS", "Content-Type")
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST, OPTIONS")
		http.Error(w, "POST is needed here", http.StatusMethodNotAllowed)
	case id == "open" && verb == "":
		s.open(w, r)
	default:
		s.serve(w, r, id, verb)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, id, verb string) {
	s.mu.Lock()
	t := s.transports[id]
	s.mu.Unlock()
	if t == nil {
		http.Error(w, "there is no such transport, or not any more", http.StatusNotFound)
		return
	}
	t.touch(+1)
	defer t.touch(-1)
	switch verb {
	case "receive":
		t.receive(w, r)
	case "send":
		select {
		case s.sends <- struct{}{}:
			s.send(w, r, t)
			<-s.sends
		default:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests are under way", http.StatusServiceUnavailable)
		}
	case "close":
		t.end()
		s.accepted(w)
	default:
		http.Error(w, "receive, send or close is needed here", http.StatusNotFound)
	}
}

// accepted is the answer to what has no other.
func (s *Server) accepted(w http.ResponseWriter) {
	if s.cfg.NoContent {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// open makes a transport.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, openBytesMax)
	if !ok {
		return
	}
	var offer struct {
		Protocols []string `json:"protocols"`
	}
	if err := json.Unmarshal(body, &offer); err != nil {
		http.Error(w, `{"protocols": [...]} is needed here`, http.StatusBadRequest)
		return
	}
	for _, name := range offer.Protocols {
		p, ok := protocols[name]
		if !ok {
			continue
		}
		t, err := s.add(p, s.addressOf(r))
		if err != nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		json.NewEncoder(w).Encode(map[string]string{"protocol": name, "transport": t.id})
		return
	}
	http.Error(w, "no common protocol: wamp.2.json, wamp.2.msgpack, wamp.2.cbor, each also .batched", http.StatusBadRequest)
}

var errTooMany = errors.New("there are too many transports")

// add opens a transport and its connection.
func (s *Server) add(p protocol, from uint64) (*transport, error) {
	var random [idBytes]byte
	rand.Read(random[:])
	t := &transport{id: base64.RawURLEncoding.EncodeToString(random[:]), protocol: p, server: s, from: from, changed: make(chan struct{})}
	if err := s.admit(t); err != nil {
		return nil, err
	}
	c, err := s.cfg.Dial()
	if err == nil {
		err = greet(c, p.serializer)
	}
	if err != nil {
		if c != nil {
			c.Close()
		}
		s.forget(t)
		s.pumps.Done()
		return nil, errors.New("this router takes no more connections")
	}
	t.start(c)
	return t, nil
}

// admit counts a transport.
func (s *Server) admit(t *transport) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errors.New("this router is shutting down")
	case len(s.transports) >= transportsMax, t.from != 0 && s.of[t.from] >= s.cfg.PerAddress:
		return errTooMany
	}
	s.transports[t.id] = t
	s.of[t.from]++
	s.pumps.Add(1)
	return nil
}

// forget ends the counting.
func (s *Server) forget(t *transport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transports[t.id] == t {
		delete(s.transports, t.id)
		if s.of[t.from]--; s.of[t.from] == 0 {
			delete(s.of, t.from)
		}
	}
}

// addressOf is what a request's transport is counted by, 0 for nothing.
func (s *Server) addressOf(r *http.Request) uint64 {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || s.cfg.PerAddress == 0 {
		return 0 // a Unix socket
	}
	key, local := s.cfg.Address(a.Addr())
	if local {
		return 0
	}
	return key
}

// send hands the router what the body holds.
func (s *Server) send(w http.ResponseWriter, r *http.Request, t *transport) {
	body, ok := readBody(w, r, s.cfg.BodyBytes)
	if !ok {
		return
	}
	msgs, err := t.protocol.split(body)
	if err != nil { // LPL-03, BAT-04
		t.end()
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var p codec.Parser
	for _, m := range msgs {
		var parsed codec.Message
		bad := p.Parse(t.protocol.serializer, m, &parsed)
		if err := t.write(m); err != nil { // a bad one too: the router says what it thinks of it, and ends the session
			http.Error(w, "the transport has ended", http.StatusNotFound)
			return
		}
		if bad != nil {
			http.Error(w, bad.Error(), http.StatusBadRequest)
			return
		}
	}
	s.accepted(w)
}

// readBody reads a body within bounds, or answers why not.
func readBody(w http.ResponseWriter, r *http.Request, limit int) (body []byte, ok bool) {
	deadlines := http.NewResponseController(w)
	deadlines.SetReadDeadline(time.Now().Add(bodyTimeout)) // where that is not possible, as in tests, nobody is slow
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	deadlines.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "the body is too long", http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, "the body did not come", http.StatusRequestTimeout)
	}
	return body, err == nil
}

// protocol is how messages stand in a body.
type protocol struct {
	serializer  wamp.Serializer
	batched     bool
	contentType string
}

var protocols = map[string]protocol{}

func init() {
	for _, p := range []struct {
		name, contentType string
		serializer        wamp.Serializer
	}{
		{"wamp.2.json", "application/json; charset=utf-8", wamp.JSON},
		{"wamp.2.msgpack", "application/x-msgpack", wamp.MsgPack},
		{"wamp.2.cbor", "application/cbor", wamp.CBOR},
	} {
		protocols[p.name] = protocol{p.serializer, false, p.contentType}
		protocols[p.name+".batched"] = protocol{p.serializer, true, p.contentType}
	}
}
