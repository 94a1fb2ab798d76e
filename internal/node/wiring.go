package node

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/bridge"
	"kleeblatt/internal/config"
	"kleeblatt/internal/longpoll"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport"
	"kleeblatt/transport/link"
)

// This file says what each room is told of the configuration.

func (n *Node) transportConfig() transport.Config {
	c := n.cfg.Limits
	l := transport.Limits{
		MessageBytesMax:          c.MessageBytes,
		FirstMessageBytesMax:     c.FirstMessageBytes,
		HandshakeTimeout:         c.HandshakeTimeout,
		ConnectionsMax:           c.Connections,
		ConnectionsPerAddressMax: c.ConnectionsPerAddress,
		OutboxBytesMax:           c.OutboxBytes,
		NodeOutboxBytesMax:       c.OutboxTotalBytes,
		PingInterval:             c.PingInterval,
		PongTimeout:              c.PongTimeout,
		LinkFrameBytesMax:        link.MaxFrame,
	}
	if c.ConnectionsPerAddress == 0 {
		l.ConnectionsPerAddressMax = -1
	}
	if c.PingInterval == 0 {
		l.PingInterval = -1
	}
	t := transport.Config{Loops: n.workers, NewHandler: n.newHandler, Limits: l, Log: n.log}
	t.HTTP = n.http()
	return t
}

// http is what takes HTTP requests: the bridge, long polling, both, or nil.
func (n *Node) http() http.Handler {
	n.bridge, n.longpoll = n.newBridge(), n.newLongPoll()
	switch {
	case n.longpoll == nil && n.bridge == nil:
		return nil
	case n.longpoll == nil:
		return n.bridge
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, longpoll.Prefix):
			n.longpoll.ServeHTTP(w, r)
		case n.bridge != nil:
			n.bridge.ServeHTTP(w, r)
		default:
			http.Error(w, "nothing is here but "+longpoll.Prefix+"open, and WebSocket", http.StatusNotFound)
		}
	})
}

// newLongPoll is what carries WAMP in HTTP requests, nil where there is none.
func (n *Node) newLongPoll() *longpoll.Server {
	if n.cfg.LongPoll != config.LongPollOn && n.cfg.LongPoll != config.LongPollNoContent {
		return nil
	}
	return longpoll.New(longpoll.Config{
		Dial: func() (net.Conn, error) { return n.server.Pipe() }, BodyBytes: n.cfg.Limits.BodyBytes,
		PerAddress: n.cfg.Limits.ConnectionsPerAddress, Address: transport.AddressKey, Allowed: n.originAllowed, NoContent: n.cfg.LongPoll == config.LongPollNoContent,
	})
}

func (n *Node) originAllowed(origin, host string) bool {
	return transport.OriginAllowed(n.cfg.AllowedOrigins, origin, host)
}

// newBridge is what takes HTTP requests, nil where there is none.
func (n *Node) newBridge() *bridge.Bridge {
	if n.cfg.Bridge == "" {
		return nil
	}
	return bridge.New(bridge.Config{
		Dial:  func(context.Context) (net.Conn, error) { return n.server.Pipe() },
		Realm: n.cfg.Bridge, BodyBytes: n.cfg.Limits.BodyBytes,
		Allowed: n.originAllowed,
	})
}

func (n *Node) workerConfig(index int, now int64) router.WorkerConfig {
	c := n.cfg.Limits
	slow := router.Disconnect
	if n.cfg.SlowConsumer == config.Drop {
		slow = router.Drop
	}
	w := router.WorkerConfig{
		Index: index, Count: n.workers, Node: n.name, Realms: n.realms, Rand: n.world.random(), Agent: Agent,
		Epoch: n.world.wall() - now/1e6,
		Limits: router.Limits{
			HelloBytes:    c.FirstMessageBytes,
			MessageBytes:  c.MessageBytes,
			HelloTimeout:  c.HelloTimeout,
			PauseMax:      c.PauseTime,
			Subscriptions: c.SubscriptionsPerSession,
			Registrations: c.RegistrationsPerSession,
			Calls:         c.CallsPerSession,
			Invocations:   c.InvocationsPerSession,
			Testaments:    c.TestamentsPerSession, TestamentBytes: c.TestamentBytes,
			SlowConsumer: slow,
			Rate:         c.Rate,
			Burst:        c.RateBurst,
			RateGrace:    c.RateGrace,
		},
	}
	hooked(n.hooks.worker, &w)
	return w
}

// makeRealms are the realms and templates of realms, and how clients get into each.
func (n *Node) makeRealms() (*router.Realms, error) {
	key, routerKey := n.userKey(), n.routerKey()
	users, err := n.users(key)
	if err != nil {
		return nil, err
	}
	roles, err := n.roles()
	if err != nil {
		return nil, err
	}
	var configs []router.RealmConfig
	var templates []router.RealmTemplate
	for _, r := range n.cfg.Realms {
		realm := realmConfig(r)
		realm.Roles = roles
		realm.Histories = n.historiesOf(r.Name)
		c := auth.RealmConfig{
			Name: r.Name, Anonymous: n.cfg.Anonymous != "", AnonymousRole: n.cfg.Anonymous, Users: users, Key: key,
			Authenticators: n.authenticators(r.Name), Roles: n.roleNames(), RouterKey: routerKey,
		}
		if realm.Auth, err = auth.NewRealm(c); err != nil {
			return nil, err
		}
		if !r.Template() {
			configs = append(configs, realm)
			continue
		}
		t := router.RealmTemplate{Pattern: r.Name, RealmConfig: realm}
		if t.AuthFor, err = ownAuth(c); err != nil {
			return nil, err
		}
		templates = append(templates, t)
	}
	onDemand := 0
	if len(templates) > 0 {
		onDemand = n.cfg.Limits.RealmsOnDemand
	}
	return router.NewRealmsOf(configs, templates, onDemand)
}

// ownAuth is how clients get into those realms of a template that some users may join by name. Users that may join the template may join
// them all.
func ownAuth(c auth.RealmConfig) (map[string]*auth.Realm, error) {
	own := map[string]*auth.Realm{}
	for _, u := range c.Users {
		for _, name := range u.Realms {
			if own[name] != nil || !wamp.RealmFits(c.Name, name) {
				continue
			}
			k := c
			k.Name, k.Users = name, slices.Clone(c.Users)
			for i := range k.Users {
				if slices.Contains(k.Users[i].Realms, c.Name) {
					k.Users[i].Realms = nil
				}
			}
			var err error
			if own[name], err = auth.NewRealm(k); err != nil {
				return nil, err
			}
		}
	}
	return own, nil
}

// authenticators are those who are asked about clients of a realm.
func (n *Node) authenticators(realm string) (out []*auth.Authenticator) {
	for i := range n.cfg.Authenticators {
		if a := &n.cfg.Authenticators[i]; a.For(realm) {
			out = append(out, &auth.Authenticator{Procedure: a.Procedure, Realm: a.Realm, Methods: a.Methods, Timeout: a.Timeout})
		}
	}
	return out
}

// roleNames are the roles of which the configuration speaks, those of users aside.
func (n *Node) roleNames() []string {
	names := []string{}
	for _, r := range n.cfg.Roles {
		names = append(names, r.Name)
	}
	for _, a := range n.cfg.Authenticators {
		names = append(names, a.Roles...)
	}
	return names
}

// roles are those of which anything is said, the same in all realms.
func (n *Node) roles() (map[string]*router.RoleConfig, error) {
	out := map[string]*router.RoleConfig{}
	for _, r := range n.cfg.Roles {
		c := &router.RoleConfig{Limits: sessionLimits(r.Limits), Trust: r.Trust}
		if r.Rules != nil {
			var err error
			if c.Rules, err = auth.NewRules(r.Rules); err != nil {
				return nil, fmt.Errorf("role %s: %w", r.Name, err)
			}
		}
		if a := r.Authorizer; a != nil {
			c.Authorizer = &router.Authorizer{Procedure: a.Procedure, Realm: a.Realm, Timeout: a.Timeout, Lifetime: a.Cache}
		}
		out[r.Name] = c
	}
	return out, nil
}

// users derives what is kept of the users' passwords.
func (n *Node) users(key []byte) (out []auth.User, err error) {
	for i := range n.cfg.Users {
		c := &n.cfg.Users[i]
		u := auth.User{AuthID: c.AuthID, Role: c.Role, Realms: c.Realms, Ticket: c.Ticket, Keys: c.Cryptosign, Certificates: c.Certificates}
		if k := c.CRA; k != nil && k.Key != "" {
			u.CRA = &auth.CRAKey{Key: []byte(k.Key), Salt: k.Salt, Iterations: k.Iterations, KeyLen: k.KeyLen}
		} else if k != nil {
			u.CRA, err = auth.NewCRAKey(k.Secret, k.Salt, k.Iterations, k.KeyLen)
		}
		if k := c.Scram; k != nil && err == nil {
			u.Scram, err = scramKey(key, c.AuthID, k)
		}
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", c.AuthID, err)
		}
		out = append(out, u)
	}
	return out, nil
}

func scramKey(key []byte, authID string, k *config.Scram) (*auth.ScramKey, error) {
	kdf := k.KDF
	if kdf == "" {
		kdf = auth.KDFPBKDF2
	}
	if k.StoredKey != nil {
		return &auth.ScramKey{KDF: kdf, Salt: k.Salt, Iterations: k.Iterations, Memory: k.Memory, StoredKey: k.StoredKey, ServerKey: k.ServerKey}, nil
	}
	salt := k.Salt
	if salt == nil {
		salt = auth.SaltFor(key, authID)
	}
	return auth.NewScramKey(kdf, k.Password, salt, k.Iterations, k.Memory)
}

// hooked lets a hook, where there is one, change what a room is told.
func hooked[C any](hook func(*C), c *C) {
	if hook != nil {
		hook(c)
	}
}

// userKey is what made-up users and salts depend on. Without a cluster key nobody else may know it either.
func (n *Node) userKey() []byte {
	if len(n.cfg.ClusterKey) > 0 {
		return n.secret("users")
	}
	random := n.world.random()
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, random()), random())
}

// routerKey is what the cluster proves itself by to clients that ask for it; without a cluster key it is another at each start.
func (n *Node) routerKey() ed25519.PrivateKey {
	seed := n.secret("router")
	if len(n.cfg.ClusterKey) == 0 {
		for i, random := 0, n.world.random(); i < len(seed); i += 8 {
			binary.BigEndian.PutUint64(seed[i:], random())
		}
	}
	key := ed25519.NewKeyFromSeed(seed)
	if len(n.cfg.Users)+len(n.cfg.Authenticators) > 0 {
		n.log.Info("what this router proves itself by to cryptosign clients", "pubkey", hex.EncodeToString(key.Public().(ed25519.PublicKey)))
	}
	return key
}

// secret derives a key for one use from the cluster key, so that no use tells of another.
func (n *Node) secret(use string) []byte {
	m := hmac.New(sha256.New, n.cfg.ClusterKey)
	m.Write([]byte("kleeblatt " + use + " v1"))
	return m.Sum(nil)
}

func sessionLimits(l config.SessionLimits) router.SessionLimits {
	return router.SessionLimits{
		Sessions: l.Sessions, Subscriptions: l.Subscriptions, Registrations: l.Registrations, Calls: l.Calls, Invocations: l.Invocations,
		MessageBytes: l.MessageBytes, Rate: l.Rate, Burst: l.Burst,
	}
}

func realmConfig(r config.Realm) router.RealmConfig {
	c := router.RealmConfig{Name: r.Name, Strict: r.Strict, StrictURI: r.StrictURI, NoPassthru: r.NoPassthru, Limits: sessionLimits(r.Limits)}
	switch r.Disclose {
	case config.Never:
		c.Disclosure = router.DiscloseNever
	case config.Always:
		c.Disclosure = router.DiscloseAlways
	}
	if r.Conflict == config.Standby {
		c.Conflict = router.Standby
	}
	return c
}

// historiesOf are the subscriptions of a realm whose events are kept.
func (n *Node) historiesOf(realm string) (out []router.History) {
	for _, h := range n.cfg.Histories {
		if h.Realm == realm {
			out = append(out, router.History{Match: h.Match, Topic: h.Topic, Events: h.Events, Bytes: h.Bytes})
		}
	}
	return out
}

func (n *Node) tablesConfig() router.TablesConfig {
	c := router.TablesConfig{NodeName: n.name, Key: n.secret("ids"), Realms: n.realms, Decided: n.hooks.replicator != nil}
	hooked(n.hooks.tables, &c)
	return c
}

func (n *Node) retentionConfig() router.RetentionConfig {
	l := n.cfg.Limits
	return router.RetentionConfig{NodeName: n.name, Realms: n.realms, Events: l.RetainedEvents, Bytes: l.RetainedBytes}
}

func (n *Node) gossipConfig() gossip.Config {
	k := n.cfg.Cluster
	c := gossip.Config{
		Name: n.name, Life: *n.life.Load(), Rand: n.world.random(),
		LeaveGrace: k.LeaveGrace, Retain: k.Retain, RetainBytes: k.RetainBytes,
	}
	hooked(n.hooks.gossip, &c)
	return c
}

func (n *Node) linkConfig(peer string) link.Config {
	c := link.Config{Self: n.name, Peer: peer, Life: link.Life(*n.life.Load()), Nonce: n.world.random(), Dialer: true, Relay: true}
	if len(n.cfg.ClusterKey) > 0 {
		c.Key = n.secret("links")
	}
	hooked(n.hooks.link, &c)
	return c
}

func (n *Node) tags() swim.Tags {
	return swim.Tags{Life: swim.Life(*n.life.Load()), LinkAddr: n.link, LinkUnix: n.unix, Proto: linkProtocol, Tables: n.tables}
}

func (n *Node) swimConfig() swim.Config {
	c := swim.Config{
		Name: n.name, BindAddr: n.cfg.Gossip, Seeds: n.cfg.Join, Tags: n.tags(),
		Digest: n.probeDigest, OnEvent: n.onSwim, Log: n.log,
	}
	if n.cfg.Data != "" {
		var err error
		if c.Known, err = n.data.Peers(); err != nil {
			n.log.Warn("the other nodes' addresses cannot be read: only the seeds are asked", "err", err)
		}
		c.Keep = n.keepPeers
	}
	if n.cfg.Advertise != "" {
		if _, port, err := net.SplitHostPort(n.cfg.Gossip); err == nil {
			c.Advertise = net.JoinHostPort(n.cfg.Advertise, port)
		}
	}
	if len(n.cfg.ClusterKey) > 0 {
		c.Key = swim.DeriveKey(n.cfg.ClusterKey)
	}
	return c
}

// keepPeers writes down where the other nodes are, on a goroutine of membership.
func (n *Node) keepPeers(known []string) {
	if err := n.data.KeepPeers(known); err != nil {
		n.log.Warn("the other nodes' addresses could not be kept", "err", err)
	}
}

// probeDigest is called on membership's goroutines.
func (n *Node) probeDigest() []byte {
	if d := n.digest.Load(); d != nil {
		return *d
	}
	return nil
}

// advertised is a bound address as the others reach it.
func (n *Node) advertised(bound string) string {
	if n.cfg.Advertise == "" {
		return bound
	}
	_, port, err := net.SplitHostPort(bound)
	if err != nil {
		return bound
	}
	return net.JoinHostPort(n.cfg.Advertise, port)
}

// checkPorts finds out early that a client port is taken: it is opened only once the node is ready.
func (n *Node) checkPorts() error {
	for _, l := range n.cfg.Listen {
		if l.Scheme == "unix" {
			continue
		}
		ln, err := net.Listen("tcp", l.Addr)
		if err != nil {
			return fmt.Errorf("client port %s cannot be opened: %w: stop what uses it, or choose another with --listen", l.URL, err)
		}
		ln.Close()
	}
	return nil
}

// clientURL is where clients reach the port that was bound.
func clientURL(l config.Listener, addr net.Addr) string {
	if l.Scheme == "unix" {
		return l.URL
	}
	return l.Scheme + "://" + addr.String() + l.Path
}
