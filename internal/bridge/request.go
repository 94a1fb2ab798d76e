package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// request is what a body says.
type request struct {
	URI     string
	Options map[string]json.RawMessage
	Payload client.Payload
}

// problem is what is wrong with a request; its text is for the one who made it.
type problem struct {
	status int
	text   string
}

func (p problem) Error() string { return p.text }

func bad(text string) error { return problem{http.StatusBadRequest, text} }

// parseRequest reads {"topic" or "procedure", "args", "kwargs", "options"}; other keys are passed over, null stands for nothing.
// It keeps pieces of body.
func parseRequest(body []byte, path string) (*request, error) {
	var text struct {
		Topic     *string                    `json:"topic"`
		Procedure *string                    `json:"procedure"`
		Args      json.RawMessage            `json:"args"`
		Kwargs    json.RawMessage            `json:"kwargs"`
		Options   map[string]json.RawMessage `json:"options"`
	}
	if err := json.Unmarshal(body, &text); err != nil {
		return nil, bad("the body has to be a JSON object: " + err.Error())
	}
	q := &request{Options: text.Options}
	uri, name := text.Topic, "topic"
	if path == "/call" {
		uri, name = text.Procedure, "procedure"
	}
	if uri == nil {
		return nil, bad("the body lacks " + name)
	}
	q.URI = *uri
	args, kwargs := whole(text.Args), whole(text.Kwargs)
	switch {
	case args != nil && args[0] != '[':
		return nil, bad("args has to be a list")
	case kwargs != nil && kwargs[0] != '{':
		return nil, bad("kwargs has to be an object")
	case kwargs != nil && string(kwargs) != "{}" && args == nil:
		args = []byte("[]")
	}
	if string(kwargs) == "{}" {
		kwargs = nil
	}
	if string(args) == "[]" && kwargs == nil {
		args = nil
	}
	q.Payload = client.JSONPayload(args, kwargs)
	return q, q.check(path)
}

// check finds what would end a session, which others use, too: what the router cannot read, and features that the session has not announced.
func (q *request) check(path string) error {
	for k := range q.Options {
		if strings.HasPrefix(k, "ppt_") {
			return problem{http.StatusNotImplemented, "options." + k + ": payloads do not pass through unread here"}
		}
	}
	for _, k := range []string{"receive_progress", "progress"} {
		if v := q.Options[k]; v != nil && string(v) != "false" {
			return problem{http.StatusNotImplemented, "options." + k + ": a request has one answer"}
		}
	}
	verb := wamp.Publish
	if path == "/call" {
		verb = wamp.Call
	}
	uri, _ := json.Marshal(q.URI)
	text := fmt.Appendf(nil, "[%d,1,%s,%s", verb, q.dict("", ""), uri)
	if q.Payload.N > 0 {
		text = append(append(text, ','), q.Payload.Raw...)
	}
	var p codec.Parser
	var m codec.Message
	if err := p.Parse(wamp.JSON, append(text, ']'), &m); err != nil {
		return bad("the request cannot be said in WAMP: " + err.Error())
	}
	return nil
}

// whole is a value, nil where there is none.
func whole(v json.RawMessage) []byte {
	if v = bytes.TrimSpace(v); string(v) == "null" || len(v) == 0 {
		return nil
	}
	return v
}

// dict is the request's options in JSON, with what the bridge sets.
func (q *request) dict(key string, value string) json.RawMessage {
	o := make(map[string]json.RawMessage, len(q.Options)+1)
	for k, v := range q.Options {
		o[k] = v
	}
	if key != "" {
		o[key] = json.RawMessage(value)
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic("bridge: pieces of JSON make no JSON: " + err.Error())
	}
	return b
}

// publish always asks for an acknowledgement: only so a refusal is told.
func publish(ctx context.Context, c *client.Client, q *request) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	id, err := c.Publish(ctx, q.URI, q.Payload, &client.PublishOptions{Acknowledge: true, Raw: q.dict("acknowledge", "true")})
	return struct {
		ID uint64 `json:"id"`
	}{id}, err
}

func call(ctx context.Context, c *client.Client, q *request) (any, error) {
	limit := callTimeout
	if t := q.Options["timeout"]; t != nil {
		ms, err := strconv.ParseUint(string(t), 10, 32)
		if err != nil {
			return nil, bad("options.timeout has to be a number of milliseconds")
		}
		if ms > 0 {
			limit = min(time.Duration(ms)*time.Millisecond, callTimeoutMax)
		}
	}
	// The router's own deadline first, since it knows more to say.
	ctx, cancel := context.WithTimeout(ctx, limit+time.Second)
	defer cancel()
	r, err := c.Call(ctx, q.URI, q.Payload, &client.CallOptions{Raw: q.dict("timeout", strconv.FormatInt(limit.Milliseconds(), 10))})
	if err != nil {
		return nil, err
	}
	args, kwargs, err := r.Payload.JSON()
	return struct {
		Args   json.RawMessage `json:"args"`
		Kwargs json.RawMessage `json:"kwargs"`
	}{args, kwargs}, err
}

// statusOf is the HTTP status of a WAMP error. What this router does not say itself comes from a callee.
func statusOf(uri string) int {
	if s, ok := statuses[uri]; ok {
		return s
	}
	return http.StatusInternalServerError
}

var statuses = map[string]int{
	wamp.ErrInvalidURI:             http.StatusBadRequest,
	wamp.ErrInvalidArgument:        http.StatusBadRequest,
	wamp.ErrProtocolViolation:      http.StatusBadRequest,
	wamp.ErrDiscloseMeDisallowed:   http.StatusBadRequest,
	wamp.ErrAuthenticationRequired: http.StatusUnauthorized,
	wamp.ErrAuthenticationDenied:   http.StatusUnauthorized,
	wamp.ErrNoMatchingAuthMethod:   http.StatusUnauthorized,
	wamp.ErrNotAuthorized:          http.StatusForbidden,
	wamp.ErrNoSuchRole:             http.StatusForbidden,
	wamp.ErrNoSuchProcedure:        http.StatusNotFound,
	wamp.ErrNoSuchRealm:            http.StatusNotFound,
	wamp.ErrPayloadSizeExceeded:    http.StatusRequestEntityTooLarge,
	wamp.ErrFeatureNotSupported:    http.StatusNotImplemented,
	wamp.ErrCanceled:               http.StatusBadGateway, // the callee is gone
	wamp.ErrNetworkFailure:         http.StatusBadGateway,
	wamp.ErrUnavailable:            http.StatusServiceUnavailable,
	wamp.ErrTimeout:                http.StatusGatewayTimeout,
}

// judge says what an error that is no ERROR means for the client.
func judge(err error) (status int, uri, text string) {
	var a *client.AbortError
	var p problem
	switch {
	case errors.As(err, &p):
		return p.status, wamp.ErrInvalidArgument, p.text
	case errors.As(err, &a):
		return statusOf(a.Reason), a.Reason, a.Message
	case errors.Is(err, client.ErrTooLarge):
		return http.StatusRequestEntityTooLarge, wamp.ErrPayloadSizeExceeded, "this is more than a message may have"
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, wamp.ErrTimeout, "there was no answer in time"
	}
	return http.StatusServiceUnavailable, wamp.ErrUnavailable, "the session ended before there was an answer"
}
