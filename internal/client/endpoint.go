package client

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// endpoint is a parsed URL: where to connect and what to speak there.
type endpoint struct {
	url       string // as it was given, for people
	network   string // "tcp" or "unix"
	address   string
	host      string // name for TLS and the Host header
	path      string // of WebSocket: request target
	tls       bool
	websocket bool
	from      netip.Addr // the address to dial from; invalid: the system's choice
}

// The port that a URL without one means.
var defaultPorts = map[string]string{"ws": "80", "wss": "443", "rs": "8080", "rss": "8443"}

// CheckURL says what is wrong with a URL, before anybody is dialed.
func CheckURL(raw string) error {
	_, err := parseEndpoint(raw)
	return err
}

// parseEndpoint understands ws, wss, rs and rss URLs, and unix:///path/of/socket, which speaks RawSocket.
func parseEndpoint(raw string) (endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return endpoint{}, fmt.Errorf("url %q: %w", raw, errors.Unwrap(err))
	}
	if u.Scheme == "unix" {
		return unixEndpoint(raw, u)
	}
	port, known := defaultPorts[u.Scheme]
	if !known {
		return endpoint{}, fmt.Errorf("url %q: the scheme is none of ws, wss, rs, rss, unix", raw)
	}
	if u.Hostname() == "" {
		return endpoint{}, fmt.Errorf("url %q: the host is missing", raw)
	}
	if u.User != nil || u.Fragment != "" {
		return endpoint{}, fmt.Errorf("url %q: neither user nor fragment has a meaning here", raw)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	e := endpoint{
		url:       raw,
		network:   "tcp",
		address:   net.JoinHostPort(u.Hostname(), port),
		host:      u.Host,
		path:      u.RequestURI(),
		tls:       strings.HasSuffix(u.Scheme, "ss"),
		websocket: strings.HasPrefix(u.Scheme, "ws"),
	}
	if !e.websocket && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
		return endpoint{}, fmt.Errorf("url %q: RawSocket knows no path", raw)
	}
	return e, nil
}

// unixEndpoint takes both unix:///absolute and unix:relative.
func unixEndpoint(raw string, u *url.URL) (endpoint, error) {
	path := u.Path
	if u.Opaque != "" {
		path = u.Opaque
	}
	if path == "" || u.Host != "" {
		return endpoint{}, fmt.Errorf("url %q: write unix:///path/of/socket", raw)
	}
	return endpoint{url: raw, network: "unix", address: path, host: "localhost"}, nil
}

// serverName is the name that TLS verifies.
func (e endpoint) serverName() string {
	host, _, err := net.SplitHostPort(e.address)
	if err != nil {
		return e.host
	}
	return host
}
