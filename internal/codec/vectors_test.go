package codec

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

type vectorFile struct {
	Samples []vectorSample `json:"samples"`
}

type vectorSample struct {
	Description string `json:"description"`
	Serializers map[string][]struct {
		BytesHex string `json:"bytes_hex"`
		Bytes    string `json:"bytes"`
	} `json:"serializers"`
	Expected      map[string]json.RawMessage `json:"expected_attributes"`
	Wmsg          json.RawMessage            `json:"wmsg"`
	ExpectedError *struct {
		Contains string `json:"contains"`
	} `json:"expected_error"`
}

// vectorFiles reads the specification's own message vectors from the directory WAMP_VECTORS (relative to the module's root).
func vectorFiles(t *testing.T) map[string]vectorFile {
	dir := os.Getenv("WAMP_VECTORS")
	if dir == "" {
		t.Skip("WAMP_VECTORS is not set")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", dir)
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "singlemessage", "*", "*.json"))
	if len(paths) == 0 {
		t.Fatalf("no vectors in %s", dir)
	}
	files := map[string]vectorFile{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var f vectorFile
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		files[filepath.Base(path)] = f
	}
	return files
}

// beyondText are attributes of the vectors that the specification's text does not define: to this router they are unknown keys, which
// it ignores (MSG-04, PPT-13), whatever their values are.
var beyondText = []string{"forward_for", "transaction_hash", "x_acknowledged_delivery", "enc_algo", "enc_serializer"}

// SER-01: every variant parses to what it says; ours is one of the variants.
func TestVectorsSerialization(t *testing.T) {
	variants := 0
	for name, f := range vectorFiles(t) {
		for _, sample := range f.Samples {
			for _, s := range serializers {
				var known []string
				for _, v := range sample.Serializers[s.String()] {
					frame, err := hex.DecodeString(v.BytesHex)
					if err != nil || v.BytesHex == "" {
						frame = []byte(v.Bytes)
					}
					known = append(known, string(frame))
				}
				variants += len(known)
				for _, frame := range known {
					checkVector(t, name+": "+sample.Description, s, []byte(frame), sample.Expected, known)
				}
			}
		}
	}
	t.Logf("%d variants", variants)
}

func checkVector(t *testing.T, what string, s wamp.Serializer, frame []byte, expected map[string]json.RawMessage, known []string) {
	t.Helper()
	var p Parser
	var m Message
	err := p.Parse(s, frame, &m)
	if string(expected["message_type"]) == "337" { // EVENT_RECEIVED is provisional, and no type of ours (EVR-01)
		if err == nil || !strings.Contains(err.Error(), "337") {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s in %v: %v", what, s, err)
		return
	}
	for attribute, want := range expected {
		if got := attributeOf(t, s, &p, &m, attribute); !equalJSON(t, got, want) {
			t.Errorf("%s in %v: %s is %s, want %s", what, s, attribute, got, want)
		}
	}
	if m.Type == wamp.Hello || m.Type == wamp.Welcome { // we always write a features dict
		return
	}
	for _, key := range beyondText {
		if bytes.Contains(m.Dict, []byte(key)) {
			return
		}
	}
	for _, ours := range [][]byte{rebuild(s, &m), typed(s, &m)} {
		if m.Type == wamp.Cancel || m.Type == wamp.Interrupt { // our function always names the mode
			ours = rebuild(s, &m)
		}
		if !slices.Contains(known, string(ours)) {
			t.Errorf("%s in %v: ours is %q, not one of %q", what, s, ours, known)
		}
	}
}

// attributeOf is what a message says, as JSON.
func attributeOf(t *testing.T, s wamp.Serializer, p *Parser, m *Message, attribute string) json.RawMessage {
	t.Helper()
	asJSON := func(value []byte) json.RawMessage {
		b, err := ToJSON(nil, s, value)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	number := func(n uint64) json.RawMessage { return appendUint([]byte{}, wamp.JSON, n)[1:] }
	switch attribute {
	case "message_type":
		return number(uint64(m.Type))
	case "request_id", "session_id", "subscription":
		if attribute == "subscription" || m.Request != 0 {
			return number(m.Request)
		}
	case "publication_id", "publication", "subscription_id", "registration_id":
		return number(m.ID)
	case "request_type":
		return number(uint64(m.RequestType))
	case "topic", "procedure", "realm", "reason", "error", "signature", "method":
		return appendJSONText(nil, m.URI)
	case "options", "details", "extra":
		return asJSON(m.Dict)
	case "roles":
		var dict struct{ Roles json.RawMessage }
		if err := json.Unmarshal(asJSON(m.Dict), &dict); err != nil {
			t.Fatal(err)
		}
		return dict.Roles
	case "args", "kwargs", "payload":
		return payloadOf(t, s, m.Payload, attribute)
	}
	t.Fatalf("attribute %s of %v", attribute, m.Type)
	return nil
}

// payloadOf is one part of the payload as JSON; bytes in hexadecimal as the vectors write them.
func payloadOf(t *testing.T, s wamp.Serializer, p Payload, attribute string) json.RawMessage {
	t.Helper()
	var tr Transcoder
	raw, err := tr.Payload(nil, s, wamp.JSON, p)
	if err != nil {
		t.Fatal(err)
	}
	var values []json.RawMessage
	if err := json.Unmarshal([]byte("["+string(raw)+"]"), &values); err != nil {
		t.Fatal(err)
	}
	binary := len(values) == 1 && strings.HasPrefix(string(values[0]), jsonBinary)
	switch {
	case attribute == "args" && len(values) > 0 && !binary:
		return values[0]
	case attribute == "kwargs" && len(values) > 1:
		return values[1]
	case attribute == "payload" && binary:
		b, err := FromJSON(nil, wamp.CBOR, values[0])
		if err != nil {
			t.Fatal(err)
		}
		_, _, j := cborHead(b, 0)
		return json.RawMessage(`"` + hex.EncodeToString(b[j:]) + `"`)
	}
	return json.RawMessage("null")
}

func equalJSON(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	canonical := func(text json.RawMessage) string {
		var v any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		out, _ := json.Marshal(v)
		return string(out)
	}
	return canonical(a) == canonical(b)
}

// MSG-06, A-05, A-15: the validation samples, in every serializer. Two filters: keys of beyondText are ignored rather than
// checked; an unknown text of match is no syntax error but answered with wamp.error.invalid_argument.
func TestVectorsValidation(t *testing.T) {
	samples := 0
	for name, f := range vectorFiles(t) {
		for _, sample := range f.Samples {
			if sample.Wmsg == nil {
				continue
			}
			samples++
			text := []byte(strings.Replace(string(sample.Wmsg), `"a1666e6f74696365"`, `"\u0000oWZub3RpY2U="`, 1)) // bytes
			for _, s := range serializers {
				frame := in(t, s, string(text))
				var p Parser
				var m Message
				err := p.Parse(s, frame, &m)
				what := name + ": " + sample.Description + " in " + s.String()
				switch want := sample.ExpectedError; {
				case want == nil || slices.Contains(beyondText, want.Contains):
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
				case strings.HasSuffix(sample.Description, "match with invalid value"):
					if _, ok := wamp.ParseMatch(m.Options.Match); err != nil || ok {
						t.Errorf("%s: %v, %q", what, err, m.Options.Match)
					}
				case strings.HasPrefix(want.Contains, "publisher_auth") || err != nil && strings.Contains(err.Error(), want.Contains):
					if err == nil {
						t.Errorf("%s: parsed", what)
					}
				default:
					t.Errorf("%s: %v, want something about %s", what, err, want.Contains)
				}
			}
		}
	}
	if samples < 60 {
		t.Errorf("only %d samples: %v", samples, slices.Sorted(maps.Keys(vectorFiles(t))))
	}
}
