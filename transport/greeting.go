package transport

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gobwas/ws"
)

var headEnd = []byte("\r\n\r\n")

// greet looks at the first octets of a connection: RawSocket, or the head of an HTTP request. It returns how many bytes it
// took, 0 when more are needed.
func (l *loop) greet(c *conn, p []byte) int {
	switch {
	case p[0] == rawMagic:
		return l.greetRaw(c, p)
	case c.listener.raw || p[0] < 'A' || p[0] > 'Z': // HTTP methods are capital letters (RFC 9110 section 9.1)
		l.refuse(c, RefusedHandshake, nil)
		return len(p)
	}
	end := bytes.Index(p, headEnd)
	if end < 0 || end+len(headEnd) > l.limits.HeadBytesMax {
		if len(p) >= l.limits.HeadBytesMax {
			l.refuse(c, RefusedHandshake, httpRefusal(http.StatusRequestHeaderFieldsTooLarge))
			return len(p)
		}
		return 0
	}
	head := p[:end+len(headEnd)]
	switch {
	case c.has(flagOverLimit):
		l.refuse(c, RefusedConnections, httpRefusal(http.StatusServiceUnavailable))
	case wantsUpgrade(head):
		l.upgradeTo(c, head)
	case !l.server.serves():
		l.refuse(c, RefusedHandshake, httpRefusal(http.StatusUpgradeRequired))
	default:
		l.detach(c, p)
		return len(p)
	}
	return len(head)
}

// refuse answers a handshake, if there is anything to say, and closes.
func (l *loop) refuse(c *conn, why Refusal, answer []byte) {
	if !c.has(flagOverLimit) { // that one is counted already
		l.server.refuse(why)
	}
	l.queuePlain(c, answer...)
	l.beginClosing(c, l.limits.Linger)
}

func httpRefusal(code int) []byte {
	text := http.StatusText(code)
	more := ""
	if code == http.StatusUpgradeRequired {
		more = "Upgrade: websocket\r\n"
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nConnection: close\r\n%sContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\n",
		code, text, more, len(text)+1, text)
}

// wantsUpgrade reports whether a request head has an Upgrade header that names websocket.
func wantsUpgrade(head []byte) bool {
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, headEnd[:2])
		head = rest
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && len(name) == len("upgrade") && bytes.EqualFold(name, []byte("upgrade")) {
			for token := range bytes.SplitSeq(value, []byte(",")) {
				if bytes.EqualFold(bytes.TrimSpace(token), []byte("websocket")) {
					return true
				}
			}
		}
	}
	return false
}

// upgrade is the upgrader's view of the request at hand; one per loop, reused.
type upgrade struct {
	conn     *conn
	protocol string
	host     string
	origin   string
	reason   Refusal
	in       bytes.Reader
	out      bytes.Buffer
}

func (u *upgrade) Read(p []byte) (int, error)  { return u.in.Read(p) }
func (u *upgrade) Write(p []byte) (int, error) { return u.out.Write(p) }

var (
	errPath   = errors.New("no such endpoint")
	errOrigin = errors.New("origin not allowed")
	errNone   = errors.New("no common subprotocol: wamp.2.json, wamp.2.msgpack, wamp.2.cbor, each also .batched")
)

func reject(code int, why error) error {
	return ws.RejectConnectionError(ws.RejectionStatus(code), ws.RejectionReason(why.Error()))
}

func (l *loop) initUpgrader() {
	u := &l.upgrade
	l.upgrader = ws.Upgrader{
		ReadBufferSize: l.limits.HeadBytesMax,
		Protocol: func(p []byte) bool {
			if _, ok := subprotocols[string(p)]; ok && u.protocol == "" {
				u.protocol = string(p)
				return true
			}
			return false
		},
		OnRequest: func(uri []byte) error {
			path, _, _ := bytes.Cut(uri, []byte("?"))
			if want := u.conn.listener.path; want != "" && string(path) != "/" && string(path) != want {
				return reject(http.StatusNotFound, errPath)
			}
			return nil
		},
		OnHost: func(host []byte) error {
			u.host = string(host)
			return nil
		},
		OnHeader: func(key, value []byte) error {
			if bytes.EqualFold(key, []byte("Origin")) {
				u.origin = string(value)
			}
			return nil
		},
		OnBeforeUpgrade: func() (ws.HandshakeHeader, error) {
			if u.origin != "" && !u.conn.listener.allows(u.origin, u.host) {
				u.reason = RefusedOrigin
				return nil, reject(http.StatusForbidden, errOrigin)
			}
			if u.protocol == "" {
				return nil, reject(http.StatusBadRequest, errNone)
			}
			return nil, nil
		},
	}
}

// upgradeTo answers a WebSocket handshake from memory.
func (l *loop) upgradeTo(c *conn, head []byte) {
	u := &l.upgrade
	u.conn, u.protocol, u.host, u.origin, u.reason = c, "", "", "", RefusedHandshake
	u.in.Reset(head)
	u.out.Reset()
	_, err := l.upgrader.Upgrade(u)
	u.in.Reset(nil)
	u.conn = nil
	if err != nil {
		answer := u.out.Bytes()
		if len(answer) == 0 { // not even a request line
			answer = httpRefusal(http.StatusBadRequest)
		}
		l.refuse(c, u.reason, answer)
		return
	}
	l.queuePlain(c, u.out.Bytes()...)
	p := subprotocols[u.protocol]
	if p.framing == WebSocketBatched {
		l.flushConn(c) // the answer is not part of a batch
		if c.state != stateGreeting {
			return
		}
	}
	l.open(c, p.framing, p.serializer, &Info{})
}

func (n *listener) allows(origin, host string) bool { return OriginAllowed(n.origins, origin, host) }

// OriginAllowed is the origin rule: same host as the request, or allowed by the configuration (Listener.AllowedOrigins).
func OriginAllowed(allowed []string, origin, host string) bool {
	if u, err := url.Parse(origin); err == nil && u.Host != "" {
		if strings.EqualFold(u.Host, host) {
			return true
		}
		for _, o := range allowed {
			if strings.EqualFold(o, u.Host) {
				return true
			}
		}
	}
	for _, o := range allowed {
		if o == "*" || strings.EqualFold(o, origin) {
			return true
		}
	}
	return false
}
