package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/cors"
	"kleeblatt/internal/wamp"
)

// Config is what a Bridge needs.
type Config struct {
	// Dial opens a connection to this node on which RawSocket is spoken.
	Dial      func(ctx context.Context) (net.Conn, error)
	Realm     string // of requests that name none
	BodyBytes int    // of a request
	// Allowed says whether pages of that origin may use the bridge under that host; nil for no pages at all.
	Allowed func(origin, host string) bool
	Log     *slog.Logger // nil: nothing
}

const (
	// requestsMax bounds the requests at a time: their bodies alone are requestsMax × Config.BodyBytes.
	requestsMax = 256
	// bodyTimeout is how long a client may take to send the body: half a mebibyte per second at the default bound is slow, but a request
	// that is sent by the byte holds one of requestsMax places.
	bodyTimeout = 10 * time.Second
	// joinTimeout is how long a session may take to open; scram with argon2 takes a moment, a dynamic authenticator seconds.
	joinTimeout = 10 * time.Second
	// callTimeout is how long a call may take whose options name no timeout, callTimeoutMax whatever they name: a request holds a place.
	callTimeout    = 30 * time.Second
	callTimeoutMax = 5 * time.Minute
)

// Bridge is an http.Handler for POST /publish and POST /call.
type Bridge struct {
	cfg      Config
	slots    chan struct{}
	sessions sessions
}

// New returns a bridge. It opens its first session when somebody asks for something.
func New(cfg Config) *Bridge {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bridge{cfg: cfg, slots: make(chan struct{}, requestsMax)}
	b.sessions.init(cfg.Dial)
	return b
}

// Close ends all sessions; requests that are under way fail.
func (b *Bridge) Close() { b.sessions.close() }

// verbs are what can be asked for, by path.
var verbs = map[string]func(ctx context.Context, c *client.Client, q *request) (any, error){
	"/publish": publish,
	"/call":    call,
}

// ServeHTTP implements http.Handler.
func (b *Bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	verb := verbs[r.URL.Path]
	switch {
	case verb == nil:
		fail(w, http.StatusNotFound, wamp.ErrInvalidURI, "nothing is here but /publish and /call, and WebSocket")
	case !cors.Admits(w, r, b.cfg.Allowed):
		fail(w, http.StatusForbidden, wamp.ErrNotAuthorized, "this origin is not allowed")
	case r.Method == http.MethodOptions:
		cors.Preflight(w, "POST, PUT, OPTIONS", "Authorization, Content-Type")
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		w.Header().Set("Allow", "POST, PUT, OPTIONS")
		fail(w, http.StatusMethodNotAllowed, wamp.ErrInvalidArgument, "POST is needed here")
	case !isJSON(r.Header.Get("Content-Type")):
		fail(w, http.StatusUnsupportedMediaType, wamp.ErrInvalidArgument, "the body has to be of Content-Type: application/json, in UTF-8")
	default:
		select {
		case b.slots <- struct{}{}:
			b.serve(w, r, verb)
			<-b.slots
		default:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusServiceUnavailable, wamp.ErrUnavailable, "too many requests are under way")
		}
	}
}

// isJSON takes a missing type for JSON, as crossbar does.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, params, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(params["charset"])
	return err == nil && t == "application/json" && (charset == "" || charset == "utf-8" || charset == "utf8")
}

func (b *Bridge) serve(w http.ResponseWriter, r *http.Request, verb func(context.Context, *client.Client, *request) (any, error)) {
	if r.ContentLength > int64(b.cfg.BodyBytes) {
		b.pour(w, r)
		tooLarge(w, b.cfg.BodyBytes)
		return
	}
	who, err := credentialsOf(r)
	if err != nil {
		b.answer(w, nil, err)
		return
	}
	realm := r.URL.Query().Get("realm")
	if realm == "" {
		realm = b.cfg.Realm
	}
	s, err := b.sessions.join(r.Context(), who, realm)
	if err != nil {
		b.answer(w, nil, err)
		return
	}
	defer s.release()
	q, err := readRequest(w, r, b.cfg.BodyBytes)
	var out any
	if err == nil {
		out, err = verb(r.Context(), s.client, q)
	}
	b.answer(w, out, err)
}

// pour reads a body that is a little too long and keeps nothing: many clients look for an answer only when they have written all.
func (b *Bridge) pour(w http.ResponseWriter, r *http.Request) {
	deadlines := http.NewResponseController(w)
	deadlines.SetReadDeadline(time.Now().Add(bodyTimeout))
	io.CopyN(io.Discard, r.Body, 2*int64(b.cfg.BodyBytes))
	deadlines.SetReadDeadline(time.Time{})
}

// answer is written for programs: one JSON object.
func (b *Bridge) answer(w http.ResponseWriter, out any, err error) {
	if err == nil {
		writeJSON(w, http.StatusOK, out)
		return
	}
	var e *client.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		tooLarge(w, b.cfg.BodyBytes)
	case errors.As(err, &e):
		args, kwargs, perr := e.Payload.JSON()
		if perr != nil {
			args, kwargs = json.RawMessage("[]"), json.RawMessage("{}")
		}
		writeJSON(w, statusOf(e.URI), failure{e.URI, args, kwargs})
	default:
		status, uri, text := judge(err)
		switch {
		case status == http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", `Basic realm="WAMP", charset="UTF-8"`)
		case status == http.StatusServiceUnavailable:
			w.Header().Set("Retry-After", strconv.Itoa(1))
		}
		fail(w, status, uri, text)
	}
}

type failure struct {
	Error  string          `json:"error"`
	Args   json.RawMessage `json:"args"`
	Kwargs json.RawMessage `json:"kwargs"`
}

func fail(w http.ResponseWriter, status int, uri, text string) {
	args, _ := json.Marshal([]string{text})
	writeJSON(w, status, failure{uri, args, json.RawMessage("{}")})
}

func tooLarge(w http.ResponseWriter, limit int) {
	fail(w, http.StatusRequestEntityTooLarge, wamp.ErrPayloadSizeExceeded, "the body is longer than "+strconv.Itoa(limit)+" bytes")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(v) // the client that does not take it is gone
}

// readRequest reads the body, and not for ever.
func readRequest(w http.ResponseWriter, r *http.Request, limit int) (*request, error) {
	deadlines := http.NewResponseController(w)
	deadlines.SetReadDeadline(time.Now().Add(bodyTimeout)) // where that is not possible, as in tests, nobody is slow
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	deadlines.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, err
	case err != nil:
		return nil, problem{http.StatusRequestTimeout, "the body did not come"}
	}
	return parseRequest(body, r.URL.Path)
}
