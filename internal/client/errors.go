package client

import (
	"encoding/json"
	"errors"

	"kleeblatt/internal/wamp"
)

var (
	// ErrClosed: the client was closed by its user.
	ErrClosed = errors.New("client closed")
	// ErrLost: the connection ended before the answer came; what was asked for may have happened.
	ErrLost = errors.New("connection lost before the answer")
	// ErrTooLarge: the message is larger than the router takes; it was not sent.
	ErrTooLarge = errors.New("message too large")
	// ErrRevoked: the router took the subscription or registration back.
	ErrRevoked = errors.New("revoked by the router")
)

// Error is a WAMP ERROR message. Match the URI with [HasURI].
type Error struct {
	Type    wamp.MessageType // of the failed request
	URI     string
	Payload Payload
}

// Error is the URI, then the first argument where it is text.
func (e *Error) Error() string {
	if args, _, err := e.Payload.Split(); err == nil && len(args) > 0 {
		var text string
		if json.Unmarshal(args[0], &text) == nil && text != "" {
			return e.URI + ": " + text
		}
	}
	return e.URI
}

// AbortError is a router's ABORT: there is no session.
type AbortError struct {
	Reason  string // URI
	Message string
}

func (e *AbortError) Error() string {
	if e.Message == "" {
		return e.Reason
	}
	return e.Reason + ": " + e.Message
}

// HasURI reports whether err is a WAMP ERROR or ABORT with this URI.
func HasURI(err error, uri string) bool {
	var e *Error
	var a *AbortError
	return errors.As(err, &e) && e.URI == uri || errors.As(err, &a) && a.Reason == uri
}

// hopeless are the reasons for an ABORT that waiting does not change.
var hopeless = map[string]bool{
	wamp.ErrNoSuchRealm:          true,
	wamp.ErrNoSuchRole:           true,
	wamp.ErrNoMatchingAuthMethod: true,
	wamp.ErrAuthenticationFailed: true,
	wamp.ErrAuthorizationFailed:  true,
	wamp.ErrNotAuthorized:        true,
	wamp.ErrProtocolViolation:    true,
	wamp.ErrInvalidURI:           true,
}

// permanent reports whether dialing again is of no use.
func permanent(err error) bool {
	var a *AbortError
	return errors.As(err, &a) && hopeless[a.Reason]
}
