package admin

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Config is what a Server needs.
type Config struct {
	Addr   string   // host:port; port 0 is any free one
	Hosts  []string // further names under which it may be asked
	Source Source
	Log    *slog.Logger // nil: nothing
}

// The port's bounds. It serves a handful of programs and people.
const (
	requestTime     = 10 * time.Second // to read a request, and again to write an answer
	idleTime        = 2 * time.Minute  // a scraper keeps its connection between scrapes
	headBytesMax    = 16 << 10
	connectionsMax  = 64
	shutdownTimeout = time.Second // for answers under way
)

// Server is the running port.
type Server struct {
	http *http.Server
	ln   net.Listener
	done chan struct{}
}

// Start listens and serves until Close.
func Start(cfg Config) (*Server, error) {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{ln: &boundedListener{Listener: ln, slots: make(chan struct{}, connectionsMax), over: make(chan struct{})}, done: make(chan struct{})}
	s.http = &http.Server{
		Handler:           Handler(cfg),
		ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: idleTime,
		MaxHeaderBytes: headBytesMax,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin port has failed", "err", err)
		}
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Close ends it; answers under way get a second.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}

// Handler serves the port's paths, for tests and for whoever has a listener.
func Handler(cfg Config) http.Handler {
	h := &handler{src: cfg.Source, hosts: ownHosts(cfg)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", h.livez)
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("GET /metrics", h.metrics)
	mux.HandleFunc("GET /cluster", h.cluster)
	mux.HandleFunc("GET /{$}", h.page)
	return h.guard(mux)
}

type handler struct {
	src   Source
	hosts hosts
}

// guard refuses requests that were sent to another name (DNS rebinding: a foreign page's own name, led to our address).
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.hosts.own(r.Host) {
			http.Error(w, "this is not the admin port of "+hostOf(r.Host)+": ask for it by its address, or name it with --admin-hosts", http.StatusMisdirectedRequest)
			return
		}
		head := w.Header()
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

func (h *handler) livez(w http.ResponseWriter, _ *http.Request) {
	answer := struct {
		Live   bool   `json:"live"`
		Reason string `json:"reason,omitempty"`
	}{Live: true}
	status := http.StatusOK
	if err := h.src.Live(); err != nil {
		answer.Live, answer.Reason, status = false, err.Error(), http.StatusServiceUnavailable
	}
	writeJSON(w, status, answer)
}

func (h *handler) readyz(w http.ResponseWriter, _ *http.Request) {
	s := h.src.Status()
	answer := struct {
		Ready   bool     `json:"ready"`
		Reasons []string `json:"reasons"`
	}{s.Ready, orEmpty(s.Reasons)}
	status := http.StatusOK
	if !s.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, answer)
}

func (h *handler) cluster(w http.ResponseWriter, _ *http.Request) {
	s := h.src.Status()
	s.Members, s.Parts = orEmpty(s.Members), orEmpty(s.Parts)
	writeJSON(w, http.StatusOK, s)
}

func (h *handler) metrics(w http.ResponseWriter, _ *http.Request) {
	c := h.src.Counters()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(appendMetrics(nil, &c))
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

func (h *handler) page(w http.ResponseWriter, _ *http.Request) {
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	head.Set("Referrer-Policy", "no-referrer")
	s := h.src.Status()
	if err := pageTemplate.Execute(w, &s); err != nil {
		return // the reader is gone
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("admin: an answer made of plain fields cannot be encoded: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// orEmpty makes [] of nil, which JSON would call null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// hosts are the names under which the port may be asked.
type hosts struct {
	names map[string]bool
	ips   bool // any IP address: it is bound to all of them. A rebound name is never an address.
}

func ownHosts(cfg Config) hosts {
	h := hosts{names: map[string]bool{"localhost": true}}
	for _, n := range cfg.Hosts {
		h.names[strings.ToLower(n)] = true
	}
	bound := hostOf(cfg.Addr)
	if ip, err := netip.ParseAddr(bound); bound == "" || err == nil && ip.IsUnspecified() {
		h.ips = true
		if name, err := os.Hostname(); err == nil {
			h.names[strings.ToLower(name)] = true
		}
		return h
	}
	h.names[bound] = true
	return h
}

func (h *hosts) own(hostport string) bool {
	host := hostOf(hostport)
	if ip, err := netip.ParseAddr(host); err == nil {
		return h.ips || ip.Unmap().IsLoopback() || h.names[ip.String()]
	}
	return h.names[strings.TrimSuffix(host, ".")]
}

// hostOf is the host of host:port, host or [v6], in lower case.
func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(host)
}
