package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kleeblatt/gossip/swim"
)

type dur = time.Duration

const (
	ms     = time.Millisecond
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// unixPathMax is what the kernel takes for the path of a socket, its final zero aside.
const unixPathMax = 107

func setName(dst *string, v string) error {
	*dst = v
	if !swim.ValidName(v) {
		return fmt.Errorf("%q is no name: 1 to %d of A-Z a-z 0-9 . _ - are needed", v, swim.NameMax)
	}
	return nil
}

func setPath(dst *string, v string) error {
	*dst = v
	if v == "" || strings.ContainsRune(v, 0) {
		return fmt.Errorf("%q is no path", v)
	}
	return nil
}

func setBool(dst *bool, v string) error {
	switch v {
	case "true", "yes":
		*dst = true
	case "false", "no":
		*dst = false
	default:
		return fmt.Errorf("%q is neither true nor false", v)
	}
	return nil
}

func setOneOf[T ~string](dst *T, v string, allowed ...T) error {
	for _, a := range allowed {
		if T(v) == a {
			*dst = a
			return nil
		}
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	return fmt.Errorf("%q is none of %s", v, strings.Join(names, ", "))
}

func intOption(field func(*Config) *int, lo, hi int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%q is no number", v)
		}
		if n < lo || n > hi {
			return fmt.Errorf("%d is not within %d and %d", n, lo, hi)
		}
		*field(c) = n
		return nil
	}
}

func bytesOption[T int | int64](field func(*Config) *T, lo, hi int64) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := parseBytes(v)
		if err != nil {
			return err
		}
		if n < lo || n > hi {
			return fmt.Errorf("%s is not within %s and %s", v, formatBytes(lo), formatBytes(hi))
		}
		*field(c) = T(n)
		return nil
	}
}

func timeOption(field func(*Config) *dur, lo, hi dur) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil {
			return fmt.Errorf("%q is no time: a number with ms, s, m or h is needed", v)
		}
		if d < lo || d > hi {
			return fmt.Errorf("%s is not within %s and %s", v, lo, hi)
		}
		*field(c) = d
		return nil
	}
}

var byteUnits = []struct {
	name string
	size int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"", 1}}

// parseBytes reads a whole number of bytes, KiB, MiB, GiB or TiB.
func parseBytes(v string) (int64, error) {
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(v, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.size {
			break
		}
		return n * u.size, nil
	}
	return 0, fmt.Errorf("%q is no size: a whole number with KiB, MiB, GiB or nothing (bytes) is needed", v)
}

func formatBytes(n int64) string {
	best := byteUnits[len(byteUnits)-1]
	for _, u := range byteUnits {
		if n >= u.size && n%u.size == 0 && u.size > best.size {
			best = u
		}
	}
	return strconv.FormatInt(n/best.size, 10) + best.name
}

func setHostPort(dst *string, v string) error {
	*dst = v
	return checkHostPort(v)
}

// checkHostPort wants host:port; an empty host is all addresses, port 0 any free one.
func checkHostPort(v string) error {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("%q is no address: HOST:PORT is needed", v)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is no address: the port has to be a number up to 65535", v)
	}
	if host != "" && !validHost(host) {
		return fmt.Errorf("%q is no address: %q is neither an IP address nor a name", v, host)
	}
	return nil
}

func setHost(dst *string, v string) error {
	*dst = strings.Trim(v, "[]")
	if ip, err := netip.ParseAddr(*dst); err == nil && ip.IsUnspecified() {
		return fmt.Errorf("%q is no address that others could reach", v)
	}
	if !validHost(*dst) {
		return fmt.Errorf("%q is neither an IP address nor a name", v)
	}
	return nil
}

// validHost takes IP addresses and what may stand in DNS.
func validHost(h string) bool {
	if _, err := netip.ParseAddr(h); err == nil {
		return true
	}
	return checkHostName(h) == nil
}

func checkHostName(h string) error {
	stranger := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_')
	}
	if len(h) == 0 || len(h) > 253 || strings.ContainsFunc(h, stranger) {
		return fmt.Errorf("%q is no host name", h)
	}
	return nil
}

func checkSeed(v string) error {
	if swim.CheckSeed(v) != nil {
		return fmt.Errorf("%q is no seed: HOST:PORT, srv+NAME or file:PATH is needed", v)
	}
	return nil
}

func checkOrigin(v string) error {
	if v == "*" {
		return nil
	}
	host := v
	if scheme, rest, ok := strings.Cut(v, "://"); ok {
		if scheme != "http" && scheme != "https" {
			return fmt.Errorf("%q is no origin: its scheme has to be http or https", v)
		}
		host = rest
	}
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("%q is no origin", v)
		}
		host = h
	}
	if !validHost(strings.Trim(host, "[]")) {
		return fmt.Errorf("%q is no origin: https://HOST, HOST or * is needed", v)
	}
	return nil
}

// parseRealm reads NAME, with ,strict and ,conflict=POLICY behind it. A realm is a loose URI (WAMP, "URIs"): no white space, no #, no empty component.
func parseRealm(v string) (Realm, error) {
	name, flags, more := strings.Cut(v, ",")
	r := Realm{Name: name, Conflict: Revoke}
	for more {
		var flag string
		flag, flags, more = strings.Cut(flags, ",")
		switch flag {
		case "strict":
			r.Strict = true
		case "strict-uri":
			r.StrictURI = true
		case "no-passthru":
			r.NoPassthru = true
		case "disclose=" + string(Never), "disclose=" + string(Always):
			r.Disclose = Disclose(strings.TrimPrefix(flag, "disclose="))
		case "conflict=" + string(Revoke), "conflict=" + string(Standby):
			r.Conflict = Conflict(strings.TrimPrefix(flag, "conflict="))
		default:
			return r, fmt.Errorf("%q is no realm: NAME is needed, and behind it strict, strict-uri, no-passthru, conflict=standby, disclose=never or disclose=always", v)
		}
	}
	if len(name) == 0 || len(name) > 255 || strings.ContainsAny(name, " \t\r\n\v\f#") || strings.Contains("."+name+".", "..") {
		return r, fmt.Errorf("%q is no name for a realm", name)
	}
	return r, nil
}

func parseListener(v string) (Listener, error) {
	u, err := url.Parse(v)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return Listener{}, fmt.Errorf("%q is no URL: %s is needed", v, listenForms)
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return Listener{}, fmt.Errorf("%q: a port has neither user, query nor fragment", v)
	}
	l := Listener{Scheme: u.Scheme, Addr: u.Host}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) || len(u.Path) > unixPathMax {
			return l, fmt.Errorf("%q: unix:///PATH with at most %d bytes of path is needed", v, unixPathMax)
		}
		l.Addr = filepath.Clean(u.Path)
		l.URL = "unix://" + l.Addr
		return l, nil
	case "ws", "wss":
		l.Path = u.Path
		if l.Path == "" {
			l.Path = "/"
		}
	case "rs", "rss":
		if u.Path != "" && u.Path != "/" {
			return l, fmt.Errorf("%q: RawSocket has no path", v)
		}
	default:
		return l, fmt.Errorf("%q: the scheme has to be ws, wss, rs, rss or unix", v)
	}
	if u.Port() == "" {
		return l, fmt.Errorf("%q: the port is missing", v)
	}
	if err := checkHostPort(u.Host); err != nil {
		return l, err
	}
	l.URL = l.Scheme + "://" + l.Addr + l.Path
	return l, nil
}

const listenForms = "ws://HOST:PORT/PATH, rs://HOST:PORT or unix:///PATH"

// isLoopback reports whether only this machine can reach what is bound to host:port.
func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost") // RFC 6761 section 6.3; no other name is taken at its word
}

// nextPort is host:port + 1; of port 0 (any free one) it is 0 again.
func nextPort(hostport string) (string, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return "", err
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", err
	}
	switch p {
	case 0:
	case math.MaxUint16:
		return "", errors.New("there is no port above 65535: give --link HOST:PORT")
	default:
		p++
	}
	return net.JoinHostPort(host, strconv.FormatUint(p, 10)), nil
}

func setLevel(dst *slog.Level, v string) error {
	l, ok := levels[v]
	if !ok {
		return fmt.Errorf("%q is none of debug, info, warn, error", v)
	}
	*dst = l
	return nil
}
