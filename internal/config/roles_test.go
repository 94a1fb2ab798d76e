package config

import (
	"reflect"
	"testing"
	"time"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

func TestRoles(t *testing.T) {
	file := write(t, "k.yaml", `
anonymous: public
users: [{authid: joe, role: backend, ticket: x}]
roles:
  backend:
    - {uri: com.example., match: prefix, allow: [call, publish], disclose: [caller, publisher]}
    - {uri: com..log, match: wildcard, allow: register, deny: subscribe}
    - uri: com.example.status
      allow: subscribe
  public: []
  bakend:
    - {uri: "", match: prefix, allow: call}
`)
	c := mustParse(t, "--config", file)
	want := []Role{
		{Name: "backend", Rules: []auth.Rule{
			{URI: "com.example.", Match: wamp.Prefix, Allow: auth.Of(auth.Call, auth.Publish), Disclose: auth.Of(auth.Call, auth.Publish)},
			{URI: "com..log", Match: wamp.Wildcard, Allow: auth.Of(auth.Register), Deny: auth.Of(auth.Subscribe)},
			{URI: "com.example.status", Allow: auth.Of(auth.Subscribe)},
		}},
		{Name: "public", Rules: []auth.Rule{}},
		{Name: "bakend", Rules: []auth.Rule{{URI: "", Match: wamp.Prefix, Allow: auth.Of(auth.Call)}}},
	}
	if !reflect.DeepEqual(c.Roles, want) {
		t.Errorf("got  %+v\nwant %+v", c.Roles, want)
	}
	if w := file + ":11: nobody has the role bakend that these rules are for; did you mean backend?"; !reflect.DeepEqual(c.Warnings, []string{w}) {
		t.Errorf("warned of %q, want %q", c.Warnings, w)
	}
	for _, r := range c.Roles {
		if _, err := auth.NewRules(r.Rules); err != nil {
			t.Errorf("what is taken here is refused later: %v", err)
		}
	}
}

func TestAuthorizer(t *testing.T) {
	file := write(t, "k.yaml", `
anonymous: a
realm: [realm1, realm2]
roles:
  a: {authorizer: com.ask}
  b:
    rules: [{uri: com.open, allow: call}]
    authorizer: {procedure: com.ask, realm: realm2, timeout: 2s, cache: 1m}
users: [{authid: joe, role: b, ticket: x}]
`)
	want := []Role{
		{Name: "a", Authorizer: &Authorizer{Procedure: "com.ask"}},
		{Name: "b", Rules: []auth.Rule{{URI: "com.open", Allow: auth.Of(auth.Call)}},
			Authorizer: &Authorizer{Procedure: "com.ask", Realm: "realm2", Timeout: 2 * time.Second, Cache: time.Minute}},
	}
	if c := mustParse(t, "--config", file); !reflect.DeepEqual(c.Roles, want) {
		t.Errorf("got  %+v\nwant %+v", c.Roles, want)
	}
}

func TestAuthenticators(t *testing.T) {
	usual := []string{auth.MethodTicket, auth.MethodCRA, auth.MethodScram, auth.MethodCryptosign}
	for text, want := range map[string][]Authenticator{
		"authenticator: com.who": {{Procedure: "com.who", Methods: usual}},
		"authenticator: {procedure: com.who, realm: realm1, realms: realm1, methods: [scram, anonymous], roles: [guest], timeout: 2s}": {{
			Procedure: "com.who", Realm: "realm1", Realms: []string{"realm1"}, Methods: []string{auth.MethodScram, auth.MethodAnonymous},
			Roles: []string{"guest"}, Timeout: 2 * time.Second,
		}},
		"authenticator: [{procedure: com.one, methods: ticket}, {procedure: com.two, methods: tls}]": {
			{Procedure: "com.one", Methods: []string{auth.MethodTicket}}, {Procedure: "com.two", Methods: []string{auth.MethodCertificate}},
		},
	} {
		c := mustParse(t, "--config", write(t, "k.yaml", text))
		if !reflect.DeepEqual(c.Authenticators, want) {
			t.Errorf("%s\ngot  %+v\nwant %+v", text, c.Authenticators, want)
		}
		if c.Anonymous != "" {
			t.Errorf("%s: anonymous clients are let in", text)
		}
	}
}

func TestSessionLimits(t *testing.T) {
	c := mustParse(t, "--config", write(t, "k.yaml", `
realms:
  realm1: {strict_uri: true, no_passthru: true, disclose: never, limits: {sessions: 10, message: 64KiB, rate: 100, burst: 50}}
  "tenant.*": {disclose: always, limits: {subscriptions: 5}}
  realm2: {}
roles:
  anonymous: {limits: {registrations: 1, calls: 2, invocations: 3}}
limits: {rate: 1000, rate_burst: 10, rate_grace: 5s}
`))
	want := []Realm{
		{Name: "realm1", Conflict: Revoke, StrictURI: true, NoPassthru: true, Disclose: Never, Limits: SessionLimits{Sessions: 10, MessageBytes: 64 << 10, Rate: 100, Burst: 50}},
		{Name: "tenant.*", Conflict: Revoke, Disclose: Always, Limits: SessionLimits{Subscriptions: 5}},
		{Name: "realm2", Conflict: Revoke},
	}
	if !reflect.DeepEqual(c.Realms, want) {
		t.Errorf("got  %+v\nwant %+v", c.Realms, want)
	}
	if l := c.Roles[0].Limits; l != (SessionLimits{Registrations: 1, Calls: 2, Invocations: 3}) {
		t.Errorf("%+v", l)
	}
	if l := c.Limits; l.Rate != 1000 || l.RateBurst != 10 || l.RateGrace != 5*time.Second {
		t.Errorf("%+v", l)
	}
}
