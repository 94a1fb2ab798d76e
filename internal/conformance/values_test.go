package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/vmihailenco/msgpack/v5"

	"kleeblatt/internal/wamp"
)

// Values are nil, bool, int64, uint64 (beyond int64), float64, string, []byte, []any and map[string]any, whatever they were encoded in.

// parseText reads one JSON value. Integers stay integers, and a string that begins with NUL is base64 of bytes (SER-04).
func parseText(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%s: more than one value", text)
	}
	return plain(v)
}

// encode writes a message, given as JSON text, in the serializer.
func encode(s wamp.Serializer, text string) ([]byte, error) {
	if s == wamp.JSON {
		return []byte(text), nil
	}
	v, err := parseText(text)
	if err != nil {
		return nil, err
	}
	if s == wamp.CBOR {
		return cbor.Marshal(v)
	}
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.UseCompactInts(true)
	err = e.Encode(v)
	return b.Bytes(), err
}

// dicts reads CBOR maps as what a dict is here, and refuses a key that stands there twice.
var dicts, _ = cbor.DecOptions{
	DefaultMapType: reflect.TypeFor[map[string]any](),
	DupMapKey:      cbor.DupMapKeyEnforcedAPF,
}.DecMode()

var errTrailing = errors.New("bytes behind the value")

// decode reads one value.
func decode(s wamp.Serializer, b []byte) (any, error) {
	switch s {
	case wamp.JSON:
		return parseText(string(b))
	case wamp.CBOR:
		var v any
		if err := dicts.Unmarshal(b, &v); err != nil {
			return nil, err
		}
		return plain(v)
	}
	r := bytes.NewReader(b)
	v, err := msgpack.NewDecoder(r).DecodeInterface()
	if err != nil {
		return nil, err
	}
	if r.Len() > 0 {
		return nil, errTrailing
	}
	return plain(v)
}

// plain brings what the libraries return into the few types that values have here.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, []byte, float64:
		return v, nil
	case float32:
		return float64(v), nil
	case json.Number:
		return number(v.String())
	case string:
		if rest, ok := strings.CutPrefix(v, "\x00"); ok {
			return base64.StdEncoding.Strict().DecodeString(rest)
		}
		return v, nil
	case big.Int:
		return nil, fmt.Errorf("%v does not fit", &v)
	case []any:
		for i := range v {
			var err error
			if v[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		for k := range v {
			var err error
			if v[k], err = plain(v[k]); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return r.Int(), nil
	case r.CanUint() && r.Uint() <= math.MaxInt64:
		return int64(r.Uint()), nil
	case r.CanUint():
		return r.Uint(), nil
	}
	return nil, fmt.Errorf("a value of type %T", v)
}

func number(text string) (any, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u, nil
	}
	return strconv.ParseFloat(text, 64)
}

// like compares by the rules of expect: "*" stands for any one value, and a dict may have more keys than are written.
func like(want, got any) error { return compare(want, got, false) }

// same compares to the letter.
func same(want, got any) error { return compare(want, got, true) }

func compare(want, got any, exact bool) error {
	switch w := want.(type) {
	case string:
		if w == "*" && !exact {
			return nil
		}
	case []byte:
		if g, ok := got.([]byte); ok && bytes.Equal(w, g) {
			return nil
		}
		return fmt.Errorf("%v is not %v", got, want)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%v is not %v", got, want)
		}
		for i := range w {
			if err := compare(w[i], g[i], exact); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || exact && len(g) != len(w) {
			return fmt.Errorf("%v is not %v", got, want)
		}
		for k := range w {
			v, ok := g[k]
			if !ok {
				return fmt.Errorf("%s is missing", k)
			}
			if err := compare(w[k], v, exact); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
		return nil
	}
	if _, isBytes := got.([]byte); isBytes {
		return fmt.Errorf("bytes, not %v", want)
	}
	switch got.(type) {
	case []any, map[string]any:
		return fmt.Errorf("%v is not %v", got, want)
	}
	if want != got {
		return fmt.Errorf("%v (%T) is not %v (%T)", got, got, want, want)
	}
	return nil
}

// num is an id or code, 0 for what is none.
func num(v any) uint64 {
	if i, ok := v.(int64); ok && i > 0 {
		return uint64(i)
	}
	return 0
}

// show is a message for people.
func show(m []any) string {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Sprint(m)
	}
	return string(b)
}

// routerForms says of each message that a router sends how many elements are ids, where its dict and its URI stand and how long it may be.
var routerForms = map[uint64]struct{ ids, dict, uri, least, most int }{
	2: {1, 2, 0, 3, 3}, 3: {0, 1, 2, 3, 5}, 4: {0, 2, 0, 3, 3}, 6: {0, 1, 2, 3, 3}, 8: {2, 3, 4, 5, 7}, 17: {2, 0, 0, 3, 3},
	33: {2, 0, 0, 3, 3}, 35: {1, 0, 0, 2, 2}, 36: {2, 3, 0, 4, 6}, 50: {1, 2, 0, 3, 5}, 65: {2, 0, 0, 3, 3}, 67: {1, 0, 0, 2, 2},
	68: {2, 3, 0, 4, 6}, 69: {1, 2, 0, 3, 3},
}

var (
	optionKey = regexp.MustCompile(`^([a-z][a-z0-9_]{2,}|_[a-z0-9_]{3,})$`)
	legalURI  = regexp.MustCompile(`^([^\s.#]+\.)*[^\s.#]+$`)
)

// wellFormed holds every message of the router against what is asked of all (MSG-01, MSG-05, MSG-07, IDS-01, SER-09).
func wellFormed(m []any) error {
	if len(m) == 0 {
		return errors.New("an empty message")
	}
	f, ok := routerForms[num(m[0])]
	if !ok {
		return errors.New("no message of a router's")
	}
	if (num(m[0]) == 35 || num(m[0]) == 67) && len(m) == 3 { // a revocation answers no request
		if _, dict := m[2].(map[string]any); !dict || num(m[1]) != 0 {
			return errors.New("no revocation")
		}
		return nil
	}
	if len(m) < f.least || len(m) > f.most {
		return errors.New("of a wrong length")
	}
	for i := 1; i <= f.ids; i++ {
		if !wamp.ValidID(num(m[i])) {
			return fmt.Errorf("element %d is no id", i)
		}
	}
	if uri, ok := m[f.uri].(string); f.uri != 0 && (!ok || !legalURI.MatchString(uri)) {
		return fmt.Errorf("element %d is no URI", f.uri)
	}
	if f.dict == 0 {
		return nil
	}
	d, ok := m[f.dict].(map[string]any)
	if !ok {
		return errors.New("no dict where one has to be")
	}
	if last := len(m) - 1; last >= f.least {
		if empty(m[last]) {
			return errors.New("an empty payload was sent")
		}
	}
	return keys(d)
}

func keys(d map[string]any) error {
	for k, v := range d {
		if !optionKey.MatchString(k) {
			return fmt.Errorf("%q is no key", k)
		}
		if inner, ok := v.(map[string]any); ok {
			if err := keys(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

func empty(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func itoa(id uint64) string { return strconv.FormatUint(id, 10) }

// clean makes a component of a URI out of a name.
func clean(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}
