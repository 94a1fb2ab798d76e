package codec

import "kleeblatt/internal/wamp"

// authMethodsMax bounds HELLO.Details.authmethods: the specification knows half a dozen.
const authMethodsMax = 64

// Hello is what the router reads of HELLO.Details. Slices live like those of a Message.
type Hello struct {
	Roles       wamp.Roles
	AnyRole     bool // at least one role was announced (HND-03)
	AuthID      []byte
	AuthRole    []byte
	AuthMethods [][]byte // in the client's order
	Agent       []byte
	AuthExtra   []byte // a dict, still encoded; nil if there was none
}

// Hello reads HELLO.Details, which is Message.Dict of the message that p has parsed last: what that message handed out stays
// valid. Unknown keys are skipped. Every failure is a *SyntaxError.
func (p *Parser) Hello(s wamp.Serializer, dict []byte, h *Hello) error {
	*h = Hello{}
	c := &p.c
	err := p.pairs(s, wamp.Hello, "details", dict, func(key []byte) {
		switch string(key) {
		case "roles":
			p.roles(&h.Roles)
		case "authid":
			h.AuthID = c.text()
		case "authrole":
			h.AuthRole = c.text()
		case "authmethods":
			h.AuthMethods = p.textList(authMethodsMax)
		case "agent":
			h.Agent = c.text()
		case "authextra":
			h.AuthExtra = c.rawDict()
		default:
			c.walk(1)
		}
	})
	h.AnyRole = h.Roles.Any()
	return err
}

// pairs reads a dict that stands alone. value reads what follows a key; null and undefined count as absent. A message of type t, in its
// element of that name, is blamed for what does not fit.
func (p *Parser) pairs(s wamp.Serializer, t wamp.MessageType, element string, dict []byte, value func(key []byte)) error {
	c := &p.c
	c.start(s, dict)
	p.culprit, p.keys = "", p.keys[:0]
	it := c.dict()
	for c.ok() && c.next(&it) {
		key := c.key()
		if !c.ok() {
			break
		}
		if c.absent() {
			continue
		}
		if value(key); !c.ok() {
			p.culprit = string(key)
		}
	}
	c.end(whyTrailing)
	if !c.ok() {
		return p.failed(t, element)
	}
	return nil
}

// rawDict walks a dict and returns its bytes.
func (c *cursor) rawDict() []byte {
	start := c.i
	if c.dict(); !c.ok() {
		return nil
	}
	c.i = start
	c.walk(1)
	return c.b[start:c.i:c.i]
}

// roles reads HELLO.Details.roles.
func (p *Parser) roles(r *wamp.Roles) {
	c := &p.c
	base := len(p.keys)
	it := c.dict()
	for c.ok() && c.next(&it) {
		key := c.key()
		if !c.ok() {
			break
		}
		p.unique(base, key)
		switch string(key) {
		case "publisher":
			r.Publisher = true
			p.features(&r.PublisherFeatures)
		case "subscriber":
			r.Subscriber = true
			p.features(&r.SubscriberFeatures)
		case "caller":
			r.Caller = true
			p.features(&r.CallerFeatures)
		case "callee":
			r.Callee = true
			p.features(&r.CalleeFeatures)
		default:
			c.walk(2)
		}
	}
	p.keys = p.keys[:base]
}

// features reads the dict of one role and in it the features that are true.
func (p *Parser) features(f *wamp.Feature) {
	c := &p.c
	it := c.dict()
	seen := false
	for c.ok() && c.next(&it) {
		switch key := c.key(); {
		case !c.ok():
		case string(key) != "features":
			c.walk(3)
		case seen:
			c.fail(whyDuplicate)
		default:
			seen = true
			p.featureDict(f)
		}
	}
}

func (p *Parser) featureDict(f *wamp.Feature) {
	c := &p.c
	base := len(p.keys)
	it := c.dict()
	for c.ok() && c.next(&it) {
		key := c.key()
		if !c.ok() {
			break
		}
		p.unique(base, key)
		bit, known := wamp.ParseFeature(key)
		if !known { // whatever its value is (HND-12)
			c.walk(4)
		} else if !c.absent() && c.boolean() {
			*f |= bit
		}
	}
	p.keys = p.keys[:base]
}

// WelcomeDetails is WELCOME.Details, as the router writes it and a client reads it. Empty texts are left out. The two roles
// are always announced.
type WelcomeDetails struct {
	Realm, AuthID, AuthRole, AuthMethod, AuthProvider, Agent string
	Verifier, VerifierKey                                    string   // of authextra: the router's own proof (SCR-04), and its key there
	BrokerFeatures, DealerFeatures                           []string // those that are true
}

// Welcome reads WELCOME.Details, which is Message.Dict of the message that p has parsed last. It copies what w receives.
func (p *Parser) Welcome(s wamp.Serializer, dict []byte, w *WelcomeDetails) error {
	*w = WelcomeDetails{}
	c := &p.c
	c.start(s, dict)
	p.culprit, p.keys = "", p.keys[:0]
	it := c.dict()
	for c.ok() && c.next(&it) {
		key := c.key()
		if !c.ok() {
			break
		}
		switch string(key) {
		case "realm":
			w.Realm = string(c.text())
		case "authid":
			w.AuthID = string(c.text())
		case "authrole":
			w.AuthRole = string(c.text())
		case "authmethod":
			w.AuthMethod = string(c.text())
		case "authprovider":
			w.AuthProvider = string(c.text())
		case "agent":
			w.Agent = string(c.text())
		case "authextra":
			w.Verifier = c.verifier()
		case "roles":
			p.welcomeRoles(w)
		default:
			c.walk(1)
		}
		if !c.ok() {
			p.culprit = string(key)
		}
	}
	c.end(whyTrailing)
	if !c.ok() {
		return p.failed(wamp.Welcome, "details")
	}
	return nil
}

// verifier reads authextra, which may be null.
func (c *cursor) verifier() (v string) {
	if c.absent() {
		return ""
	}
	it := c.dict()
	for c.ok() && c.next(&it) {
		switch string(c.key()) {
		case "verifier", "scram_server_signature":
			v = string(c.text())
		default:
			c.walk(2)
		}
	}
	return v
}

func (p *Parser) welcomeRoles(w *WelcomeDetails) {
	c := &p.c
	it := c.dict()
	for c.ok() && c.next(&it) {
		switch key := c.key(); string(key) {
		case "broker":
			w.BrokerFeatures = c.trueFeatures()
		case "dealer":
			w.DealerFeatures = c.trueFeatures()
		default:
			c.walk(2)
		}
	}
}

// trueFeatures reads the dict of one role and in it the keys of the features that are true.
func (c *cursor) trueFeatures() (keys []string) {
	it := c.dict()
	for c.ok() && c.next(&it) {
		if string(c.key()) != "features" {
			c.walk(3)
			continue
		}
		inner := c.dict()
		for c.ok() && c.next(&inner) {
			if key := string(c.key()); c.ok() && c.boolean() {
				keys = append(keys, key)
			}
		}
	}
	return keys
}
