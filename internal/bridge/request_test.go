package bridge

import (
	"encoding/json"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Whatever comes in: what parseRequest takes, the router can read, so that nobody ends a session that others use, too.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"topic":"a.b","args":[1,"x"],"kwargs":{"k":null},"options":{"exclude":[1],"x_own":{}}}`,
		`{"procedure":"a.b","args":null,"options":{"timeout":10}}`,
		`{"topic":"a..b","options":{"acknowledge":1}}`,
		`{"topic":"a.b","args":["\u0000AA=="],"kwargs":{"a":1,"a":2}}`,
		`{"topic":"a.b","args":[1e999,123456789012345678901234567890]}`,
		`{"topic":"a.b","options":{"timeout":-1,"rkey":"x","retain":true}}`,
		"{\"topic\":\"a.b\",\"args\":[\"\xff\"]}", `[[[[`, ``,
	} {
		f.Add([]byte(body), true)
		f.Add([]byte(body), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, call bool) {
		path, verb, key, value := "/publish", wamp.Publish, "acknowledge", "true"
		if call {
			path, verb, key, value = "/call", wamp.Call, "timeout", "30000"
		}
		q, err := parseRequest(body, path)
		if err != nil {
			return
		}
		uri, _ := json.Marshal(q.URI)
		text, err := json.Marshal([]any{verb, 1, q.dict(key, value), json.RawMessage(uri)})
		if err != nil {
			t.Fatal(err)
		}
		if q.Payload.N > 0 {
			text = append(append(text[:len(text)-1], ','), q.Payload.Raw...)
			text = append(text, ']')
		}
		var p codec.Parser
		var m codec.Message
		if err := p.Parse(wamp.JSON, text, &m); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	})
}
