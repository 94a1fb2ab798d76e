package bridge

import (
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"sync"
	"time"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	// sessionsMax bounds the bridge's sessions. The one that has been idle for longest makes room for a new one.
	sessionsMax = 256
	// idleTime is how long a session waits for the next request with its credentials: a program that reports every few seconds joins once.
	idleTime = time.Minute
)

// credentials are what a request proves itself by: nothing, or a name with a secret.
type credentials struct{ authID, secret string }

// methods are those by which a name and a secret can be proven, in the order in which they are tried. Which of them its user has, only the
// router knows, and does not tell.
var methods = []string{auth.MethodTicket, auth.MethodCRA, auth.MethodScram}

// credentialsOf reads the Authorization header (RFC 7617).
func credentialsOf(r *http.Request) (credentials, error) {
	name, secret, ok := r.BasicAuth()
	switch {
	case ok && name == "":
		return credentials{}, problem{http.StatusUnauthorized, "Authorization needs an authid"}
	case ok:
		return credentials{name, secret}, nil
	case r.Header.Get("Authorization") != "":
		return credentials{}, problem{http.StatusUnauthorized, "Authorization has to be Basic, with authid and secret"}
	case r.URL.Query().Has("signature"):
		return credentials{}, problem{http.StatusUnauthorized, "signed requests are not taken: Authorization: Basic has authid and secret"}
	}
	return credentials{}, nil
}

// sessions are those that the bridge has open.
type sessions struct {
	dial func(ctx context.Context) (net.Conn, error)

	mu     sync.Mutex
	open   map[sessionKey]*session
	closed bool
	ended  sync.WaitGroup // closings that go on by themselves
}

// sessionKey names a session without keeping the secret.
type sessionKey struct {
	realm, authID string
	secret        [sha256.Size]byte
}

// session is one that is open, or being opened by the first who wanted it.
type session struct {
	key    sessionKey
	ready  chan struct{} // closed when client or err is there
	client *client.Client
	err    error
	idle   *time.Timer

	users  int // under sessions.mu; 0: idle
	idleAt time.Time
}

// lease is a request's hold on a session.
type lease struct {
	client *client.Client
	of     *sessions
	s      *session
}

func (s *sessions) init(dial func(ctx context.Context) (net.Conn, error)) {
	s.dial, s.open = dial, map[sessionKey]*session{}
}

// errFull says that all sessions are in use.
var errFull = problem{http.StatusServiceUnavailable, "too many different clients are under way"}

// join returns a session with these credentials, which the caller releases.
func (s *sessions) join(ctx context.Context, who credentials, realm string) (*lease, error) {
	key := sessionKey{realm: realm, authID: who.authID, secret: sha256.Sum256([]byte(who.secret))}
	for {
		x, mine, err := s.take(key)
		if err != nil {
			return nil, err
		}
		if mine {
			x.client, x.err = s.login(who, realm)
			close(x.ready)
		}
		select {
		case <-x.ready:
		case <-ctx.Done():
			s.give(x)
			return nil, context.Cause(ctx)
		}
		switch {
		case x.err != nil:
			s.drop(x)
			return nil, x.err
		case mine || x.client.Session() != 0:
			return &lease{x.client, s, x}, nil
		}
		s.drop(x) // it was ended meanwhile: by the router, or whoever may kill sessions
	}
}

// take counts the caller among the users of the session; mine says that it has to open it.
func (s *sessions) take(key sessionKey) (x *session, mine bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, problem{http.StatusServiceUnavailable, "this router is shutting down"}
	}
	if x = s.open[key]; x != nil {
		x.users++
		x.idle.Stop()
		return x, false, nil
	}
	if len(s.open) >= sessionsMax && !s.makeRoom() {
		return nil, false, errFull
	}
	x = &session{key: key, ready: make(chan struct{}), users: 1}
	x.idle = time.AfterFunc(idleTime, func() { s.expire(x) })
	x.idle.Stop()
	s.open[key] = x
	return x, true, nil
}

// makeRoom ends the session that has been idle for longest, under mu.
func (s *sessions) makeRoom() bool {
	var oldest *session
	for _, x := range s.open {
		if x.users == 0 && (oldest == nil || x.idleAt.Before(oldest.idleAt)) {
			oldest = x
		}
	}
	if oldest == nil {
		return false
	}
	s.forget(oldest)
	return true
}

// forget ends a session that nobody uses, under mu.
func (s *sessions) forget(x *session) {
	x.idle.Stop()
	if s.open[x.key] == x {
		delete(s.open, x.key)
	}
	if x.client != nil {
		s.ended.Go(func() { x.client.Close() })
	}
}

// give ends a caller's use.
func (s *sessions) give(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.users--
	switch {
	case x.users > 0:
	case s.open[x.key] != x:
		s.forget(x)
	default:
		x.idleAt = time.Now()
		x.idle.Reset(idleTime)
	}
}

// drop ends a caller's use of a session that is of no use to anybody.
func (s *sessions) drop(x *session) {
	s.mu.Lock()
	if s.open[x.key] == x {
		delete(s.open, x.key)
	}
	s.mu.Unlock()
	s.give(x)
}

func (s *sessions) expire(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.users == 0 && s.open[x.key] == x {
		s.forget(x)
	}
}

func (s *sessions) close() {
	s.mu.Lock()
	s.closed = true
	for _, x := range s.open {
		select {
		case <-x.ready:
			s.forget(x)
		default: // who opens it finds it closed when it is given back
			delete(s.open, x.key)
		}
	}
	s.mu.Unlock()
	s.ended.Wait()
}

// release ends the request's use of the session.
func (l *lease) release() {
	l.of.give(l.s)
}

// login opens a session by whatever method lets the credentials in. Others may wait for it: it goes on when the first who wanted it is gone.
func (s *sessions) login(who credentials, realm string) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), joinTimeout)
	defer cancel()
	cfg := client.Config{Dial: s.dial, Realm: realm, Serializer: wamp.JSON, Agent: "kleeblatt-http", Once: true}
	if who.authID == "" {
		return client.Dial(ctx, cfg)
	}
	var first error
	for _, m := range methods {
		cfg.Proof = &auth.Proof{Method: m, AuthID: who.authID, Secret: auth.Secret(who.secret)}
		c, err := client.Dial(ctx, cfg)
		switch {
		case err == nil:
			return c, nil
		case !client.HasURI(err, wamp.ErrAuthenticationDenied) && !client.HasURI(err, wamp.ErrNoMatchingAuthMethod):
			return nil, err
		case first == nil || client.HasURI(first, wamp.ErrNoMatchingAuthMethod):
			first = err
		}
	}
	return nil, first
}
