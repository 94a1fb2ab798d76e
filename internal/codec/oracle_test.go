package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/vmihailenco/msgpack/v5"

	"kleeblatt/internal/wamp"
)

// The oracles: full decoders of others, for tests only.

var fullCBOR = func() cbor.DecMode {
	d, err := cbor.DecOptions{MaxNestedLevels: 256, DefaultMapType: nil, TimeTag: cbor.DecTagIgnored}.DecMode()
	if err != nil {
		panic(err)
	}
	return d
}()

// wellFormed asks the full decoder of s whether b is one value with nothing behind it.
func wellFormed(s wamp.Serializer, b []byte) bool {
	switch s {
	case wamp.JSON:
		return json.Valid(b) && utf8.Valid(b)
	case wamp.CBOR:
		err := fullCBOR.Wellformed(b)
		var tag *cbor.InadmissibleTagContentTypeError // well-formed, if senseless: for the receiver to judge
		return err == nil || errors.As(err, &tag)
	}
	r := bytes.NewReader(b)
	return msgpack.NewDecoder(r).Skip() == nil && r.Len() == 0
}

// meaning is what a value says, whatever the serializer: numbers with their kind, texts, bytes, lists, dicts in the order of their keys.
// wide says that integers go down to -2^64, which MessagePack has not. ok is false where the full decoder knows less than we do.
func meaning(s wamp.Serializer, b []byte, wide bool) (text string, ok bool) {
	defer func() { // a decoder that puts a list into a Go map's key
		if recover() != nil {
			ok = false
		}
	}()
	var v any
	switch s {
	case wamp.JSON:
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return "", false
		}
	case wamp.CBOR:
		if fullCBOR.Unmarshal(b, &v) != nil {
			return "", false
		}
	default:
		d := msgpack.NewDecoder(bytes.NewReader(b))
		d.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
		var err error
		if v, err = d.DecodeInterface(); err != nil && err != io.EOF {
			return "", false
		}
	}
	out := new(strings.Builder)
	ok = teller{s, wide}.say(out, v)
	return out.String(), ok
}

// teller writes what a decoded value says.
type teller struct {
	s    wamp.Serializer
	wide bool
}

func (t teller) say(out *strings.Builder, v any) bool {
	switch v := v.(type) {
	case nil:
		out.WriteString("nil")
	case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		fmt.Fprint(out, v)
	case big.Int:
		fmt.Fprint(out, v.String())
	case float32:
		return t.say(out, float64(v))
	case float64:
		fmt.Fprintf(out, "float %x", math.Float64bits(v))
	case json.Number:
		return t.sayNumber(out, v)
	case string:
		if b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(v, "\x00")); t.s == wamp.JSON && strings.HasPrefix(v, "\x00") {
			fmt.Fprintf(out, "bytes %x", b)
			return err == nil
		}
		fmt.Fprintf(out, "%q", v)
	case []byte:
		fmt.Fprintf(out, "bytes %x", v)
	case []any:
		out.WriteByte('[')
		for _, e := range v {
			if !t.say(out, e) {
				return false
			}
			out.WriteByte(' ')
		}
		out.WriteByte(']')
	case map[string]any:
		pairs := make(map[any]any, len(v))
		for k, e := range v {
			pairs[k] = e
		}
		return t.sayDict(out, pairs)
	case map[any]any:
		return t.sayDict(out, v)
	default:
		return false
	}
	return true
}

func (t teller) sayNumber(out *strings.Builder, v json.Number) bool {
	if n, whole := new(big.Int).SetString(string(v), 10); whole && string(v) != "-0" &&
		(n.IsUint64() || n.IsInt64() || t.wide && n.Sign() < 0 && n.Cmp(new(big.Int).Lsh(big.NewInt(-1), 64)) > 0) {
		fmt.Fprint(out, n)
		return true
	}
	f, err := v.Float64()
	return err == nil && t.say(out, f)
}

func (t teller) sayDict(out *strings.Builder, v map[any]any) bool {
	var pairs []string
	for k, e := range v {
		pair := new(strings.Builder)
		if !t.sayKey(pair, k) {
			return false
		}
		pair.WriteByte(':')
		if !t.say(pair, e) {
			return false
		}
		pairs = append(pairs, pair.String())
	}
	slices.Sort(pairs)
	fmt.Fprintf(out, "{%s}", strings.Join(pairs, " "))
	return true
}

// sayKey: among keys JSON has no form for bytes.
func (t teller) sayKey(out *strings.Builder, k any) bool {
	t.s = wamp.CBOR
	return t.say(out, k)
}
