package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Payload is Arguments and ArgumentsKw, still encoded by Serializer. The zero value is no payload. It is immutable and owns
// its bytes, so it may be kept and sent again through any client.
type Payload struct {
	Serializer wamp.Serializer
	codec.Payload
}

// NewPayload encodes values as encoding/json does. It fails only where json.Marshal does.
func NewPayload(args []any, kwargs map[string]any) (Payload, error) {
	list, err := json.Marshal(args)
	if err != nil {
		return Payload{}, err
	}
	if len(kwargs) == 0 {
		if len(args) == 0 {
			return Payload{}, nil
		}
		return JSONPayload(list, nil), nil
	}
	if len(args) == 0 {
		list = []byte("[]")
	}
	dict, err := json.Marshal(kwargs)
	if err != nil {
		return Payload{}, err
	}
	return JSONPayload(list, dict), nil
}

// Args is NewPayload for positional values of which json.Marshal is known to be able; it panics on others.
func Args(args ...any) Payload {
	p, err := NewPayload(args, nil)
	if err != nil {
		panic("client.Args: " + err.Error())
	}
	return p
}

// JSONPayload takes a JSON array and a JSON object as they are; an empty args means no payload, an empty kwargs none of it.
func JSONPayload(args, kwargs []byte) Payload {
	switch {
	case len(args) == 0:
		return Payload{}
	case len(kwargs) == 0:
		return Payload{wamp.JSON, codec.Payload{N: 1, Raw: bytes.Clone(args)}}
	}
	raw := make([]byte, 0, len(args)+1+len(kwargs))
	raw = append(append(append(raw, args...), ','), kwargs...)
	return Payload{wamp.JSON, codec.Payload{N: 2, Raw: raw}}
}

// appendRawRequest appends a PUBLISH or CALL in JSON whose options are written already.
func appendRawRequest(dst []byte, t wamp.MessageType, request uint64, options json.RawMessage, uri string, p codec.Payload) []byte {
	name, _ := json.Marshal(uri)
	dst = fmt.Appendf(dst, "[%d,%d,%s,%s", t, request, options, name)
	if p.N > 0 {
		dst = append(append(dst, ','), p.Raw...)
	}
	return append(dst, ']')
}

// in returns the payload in serializer s.
func (p Payload) in(s wamp.Serializer) (codec.Payload, error) {
	if p.N == 0 || p.Serializer == s {
		return p.Payload, nil
	}
	var t codec.Transcoder
	raw, err := t.Payload(nil, p.Serializer, s, p.Payload)
	return codec.Payload{N: p.N, Raw: raw}, err
}

// Split returns the arguments as JSON values; kwargs is nil where there are none.
func (p Payload) Split() (args []json.RawMessage, kwargs map[string]json.RawMessage, err error) {
	list, dict, err := p.JSON()
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(list, &args); err != nil {
		return nil, nil, err
	}
	err = json.Unmarshal(dict, &kwargs)
	return args, kwargs, err
}

// JSON returns the two halves as one JSON array and one JSON object, [] and {} where they are absent.
func (p Payload) JSON() (args, kwargs json.RawMessage, err error) {
	args, kwargs = json.RawMessage("[]"), json.RawMessage("{}")
	j, err := p.in(wamp.JSON)
	if err != nil || j.N == 0 {
		return args, kwargs, err
	}
	// Two values with a comma between them are what stands inside of an array.
	var halves []json.RawMessage
	if err := json.Unmarshal([]byte("["+string(j.Raw)+"]"), &halves); err != nil {
		return args, kwargs, err
	}
	if len(halves) > 0 {
		args = halves[0]
	}
	if len(args) > 0 && args[0] != '[' { // a payload in passthru mode is one binary value (PPT)
		args = json.RawMessage("[" + string(args) + "]")
	}
	if len(halves) > 1 {
		kwargs = halves[1]
	}
	return args, kwargs, nil
}

// Decode stores the positional arguments into the targets, as json.Unmarshal does. Fewer arguments than targets is an error.
func (p Payload) Decode(targets ...any) error {
	args, _, err := p.Split()
	if err != nil {
		return err
	}
	if len(args) < len(targets) {
		return fmt.Errorf("%d arguments where %d were expected", len(args), len(targets))
	}
	for i, t := range targets {
		if err := json.Unmarshal(args[i], t); err != nil {
			return fmt.Errorf("argument %d: %w", i, err)
		}
	}
	return nil
}

// String is for people: the arguments, then the keywords where there are any.
func (p Payload) String() string {
	args, kwargs, err := p.JSON()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(string(args)+" "+string(kwargs), " {}")
}

// own returns a payload that does not alias its frame.
func own(s wamp.Serializer, p codec.Payload) Payload {
	if p.N == 0 {
		return Payload{}
	}
	return Payload{s, codec.Payload{N: p.N, Raw: bytes.Clone(p.Raw)}}
}
