package codec

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

// HND-03, HND-12, A-13, SER-06.
func TestHello(t *testing.T) {
	const text = `[1,"realm\u0031",{"agent":"x","authid":"j\u00f6e","authmethods":["wampcra","ticket"],"authrole":"user",` +
		`"authextra":{"pubkey":"00","deep":[{"1":2}]},"resume":null,"roles":{` +
		`"publisher":{"features":{"publisher_exclusion":true,"x_foo":7}},` +
		`"subscriber":{},` +
		`"caller":{"features":{"call_cancelling":true,"progressive_call_results":true,"call_timeout":false}},` +
		`"callee":{"features":{"call_canceling":true,"registration_revocation":true},"other":1},` +
		`"spectator":5}}]`
	for _, s := range serializers {
		var p Parser
		var m Message
		var h Hello
		if err := p.Parse(s, in(t, s, text), &m); err != nil {
			t.Fatal(err)
		}
		if err := p.Hello(s, m.Dict, &h); err != nil {
			t.Fatal(err)
		}
		want := wamp.Roles{Publisher: true, Subscriber: true, Caller: true, Callee: true,
			CallerFeatures: wamp.FeatureCallCanceling | wamp.FeatureProgressiveCallResults,
			CalleeFeatures: wamp.FeatureCallCanceling | wamp.FeatureRegistrationRevocation}
		if h.Roles != want || !h.AnyRole || string(h.AuthID) != "jöe" || string(h.Agent) != "x" || string(h.AuthRole) != "user" ||
			len(h.AuthMethods) != 2 || string(h.AuthMethods[1]) != "ticket" {
			t.Errorf("%v: %+v", s, h)
		}
		if string(m.URI) != "realm1" { // survives Hello
			t.Errorf("realm %q", m.URI)
		}
		if extra, err := ToJSON(nil, s, h.AuthExtra); err != nil || !equalJSON(t, extra, []byte(`{"pubkey":"00","deep":[{"1":2}]}`)) {
			t.Errorf("authextra %s, %v", extra, err)
		}
	}
}

func TestHelloRefused(t *testing.T) {
	for dict, want := range map[string]string{
		`{"roles":[]}`:                         whyDict,
		`{"roles":{}}`:                         "",
		`{}`:                                   "",
		`{"roles":{"x":1}}`:                    "",
		`{"authid":1}`:                         "authid",
		`{"authmethods":""}`:                   "authmethods",
		`{"authextra":[]}`:                     "authextra",
		`{"roles":{"caller":true}}`:            whyDict,
		`{"roles":{"caller":{"features":[]}}}`: whyDict,
		`{"roles":{"caller":{"features":{"call_canceling":1}}}}`:       whyBool,
		`{"roles":null,"agent":null}`:                                  "",
		`{"authid":null,"authextra":null,"authmethods":null}`:          "",
		`{"authmethods":[` + strings.Repeat(`"a",`, 64) + `"a"]}`:      whyManyItems,
		`{"agent":"x","authprovider":7,"authextra":{},"roles":{}}`:     "",
		`{"roles":{"callee":{"features":{},"reflection":true}},"a":1}`: "",
	} {
		for _, s := range serializers {
			var p Parser
			var h Hello
			err := p.Hello(s, in(t, s, dict), &h)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s in %v: %v, want %q", dict, s, err, want)
			}
			if want == "" && h.AnyRole != strings.Contains(dict, "callee") {
				t.Errorf("%s: AnyRole %v", dict, h.AnyRole)
			}
		}
	}
	for _, twice := range []string{`{"roles":{"caller":{},"caller":{}}}`, `{"roles":{"caller":{"features":{},"features":{}}}}`,
		`{"roles":{"caller":{"features":{"x":1,"x":2}}}}`} {
		var p Parser
		if err := p.Hello(wamp.JSON, []byte(twice), new(Hello)); err == nil || !strings.Contains(err.Error(), whyDuplicate) {
			t.Errorf("%s: %v", twice, err)
		}
	}
}

// What a client writes, the router reads, and the other way round. HND-04, HND-13, P26.
func TestHelloAndWelcomeAcross(t *testing.T) {
	hello := HelloDetails{AuthID: "joe", Agent: "kleeblatt", AuthMethods: []string{"ticket", "anonymous"},
		AuthExtra: []Field{TextField("channel_binding", "tls-unique"), UintField("n", 300)},
		Roles: wamp.Roles{Caller: true, Callee: true, Subscriber: true,
			CallerFeatures:     wamp.FeatureCallCanceling | wamp.FeatureCallTimeout,
			SubscriberFeatures: wamp.FeatureSubscriptionRevocation}}
	welcome := WelcomeDetails{Realm: "realm1", AuthID: "jo\"e", AuthRole: "user", AuthMethod: "ticket", AuthProvider: "static", Agent: "kleeblatt",
		BrokerFeatures: wamp.BrokerFeatures(), DealerFeatures: wamp.DealerFeatures()}
	for _, s := range serializers {
		var p Parser
		var m Message
		var h Hello
		if err := p.Parse(s, AppendHello(nil, s, "realm1", &hello), &m); err != nil {
			t.Fatal(err)
		}
		if err := p.Hello(s, m.Dict, &h); err != nil || h.Roles != hello.Roles || string(h.AuthID) != "joe" || len(h.AuthMethods) != 2 {
			t.Errorf("%v: %v, %+v", s, err, h)
		}
		if extra, err := ToJSON(nil, s, h.AuthExtra); err != nil || string(extra) != `{"channel_binding":"tls-unique","n":300}` {
			t.Errorf("authextra %s, %v", extra, err)
		}
		var w WelcomeDetails
		if err := p.Parse(s, AppendWelcome(nil, s, 1<<53, &welcome), &m); err != nil || m.Request != 1<<53 {
			t.Fatal(err)
		}
		if err := p.Welcome(s, m.Dict, &w); err != nil || !reflect.DeepEqual(w, welcome) {
			t.Errorf("%v: %v, %+v", s, err, w)
		}
		if err := p.Parse(s, AppendWelcome(nil, s, 1, &WelcomeDetails{}), &m); err != nil {
			t.Fatal(err)
		}
		if err := p.Welcome(s, m.Dict, &w); err != nil || w.Realm != "" || w.BrokerFeatures != nil {
			t.Errorf("%v: %v, %+v", s, err, w)
		}
		challenge := AppendChallenge(nil, s, "wampcra", []Field{TextField("challenge", `{"nonce":"x"}`), UintField("iterations", 1000)})
		if err := p.Parse(s, challenge, &m); err != nil || string(m.URI) != "wampcra" {
			t.Error(err, m)
		}
		if err := p.Parse(s, AppendErrorText(nil, s, wamp.Call, 7, wamp.ErrCanceled, "callee gone"), &m); err != nil || m.Payload.N != 1 || m.RequestType != wamp.Call {
			t.Error(err, m)
		}
		if err := p.Parse(s, AppendErrorText(nil, s, wamp.Call, 7, wamp.ErrCanceled, ""), &m); err != nil || m.Payload.N != 0 {
			t.Error(err, m)
		}
	}
	if !slices.Contains(welcome.DealerFeatures, "call_canceling") {
		t.Error("call_canceling")
	}
}
