package config

import (
	"log/slog"
	"strings"
)

// option is one thing that can be configured: a flag, a key of the file, a line of the help text.
type option struct {
	key   string // in the file; "limits.x" is x below limits, "cluster.x" x below cluster
	arg   string // what the value is called; "" for a switch
	list  bool   // may be given several times
	group string
	help  string
	def   string // the default, as a value or as a formula
	set   func(c *Config, value string) error
}

// flag is the option's name on the command line.
func (o *option) flag() string {
	key := strings.TrimPrefix(strings.Replace(o.key, "limits.", "limit-", 1), "cluster.")
	return strings.ReplaceAll(key, "_", "-")
}

const (
	groupNode    = "The node"
	groupClients = "Clients"
	groupCluster = "Cluster"
	groupAdmin   = "Operation"
	groupLimits  = "Limits"
)

// sections are the keys of the file that hold other keys.
var sections = []string{"limits", "cluster"}

// options is the table. It is not changed.
var options = []option{
	{key: "name", arg: "NAME", group: groupNode, def: "the host's name and a suffix; with --data the same at every start",
		help: "name of this node, unique in the cluster: 1 to 64 of A-Z a-z 0-9 . _ -",
		set:  func(c *Config, v string) error { return setName(&c.Name, v) }},
	{key: "data", arg: "DIR", group: groupNode, def: "none",
		help: "directory for what should outlive the process (the node's name, its epoch, and where the other nodes are)",
		set:  func(c *Config, v string) error { return setPath(&c.Data, v) }},
	{key: "workers", arg: "N", group: groupNode, def: "one per processor",
		help: "loops that carry the sessions",
		set:  intOption(func(c *Config) *int { return &c.Workers }, 1, workersMax)},

	{key: "listen", arg: "URL", list: true, group: groupClients, def: defaultListen,
		help: "port for clients: ws://HOST:PORT/PATH, rs://HOST:PORT, unix:///PATH, with a certificate wss:// and rss://. A ws, wss or unix port takes WebSocket and RawSocket alike",
		set: func(c *Config, v string) error {
			l, err := parseListener(v)
			c.Listen = append(c.Listen, l)
			return err
		}},
	{key: "realm", arg: "NAME[,FLAG...]", list: true, group: groupClients, def: defaultRealm,
		help: "realm to serve. A name in which a component is * is a template: tenant.* makes tenant.a when somebody joins it. strict holds clients to rules that common ones break; strict-uri takes only URIs of a-z, 0-9 and _; no-passthru takes no payload in payload passthru mode, so that what is sent can be read on its way; conflict=standby keeps a registration that lost against an earlier one, after a partition, as a reserve instead of ending it; disclose=never or always keeps callers and publishers from being named, or names them all. In the file also {name: NAME, strict: true, conflict: standby}, or realms: {NAME: {strict: true}}",
		set: func(c *Config, v string) error {
			r, err := parseRealm(v)
			c.Realms = append(c.Realms, r)
			return err
		}},
	{key: "anonymous", arg: "ROLE", group: groupClients, def: "anonymous; off in a file with users",
		help: "role of clients that prove nothing; off: they are not let in. Who may join with a proof stands in the file, as users, and what a role may do as roles; one that is not named there may do everything but end the sessions, registrations and subscriptions of others",
		set: func(c *Config, v string) error {
			if c.Anonymous = v; v == off {
				c.Anonymous = ""
			}
			return nil
		}},
	{key: "history", arg: "REALM,TOPIC[,match=POLICY][,events=N][,bytes=BYTES]", list: true, group: groupClients, def: "none",
		help: "subscription whose latest events are kept by two nodes, for wamp.subscription.get_events; match is exact, prefix or wildcard. At most 1000 events and 1MiB, if nothing else is said, and 8MiB in any case",
		set: func(c *Config, v string) error {
			h, err := parseHistory(v)
			c.Histories = append(c.Histories, h)
			return err
		}},
	{key: "allowed_origins", arg: "ORIGIN", list: true, group: groupClients, def: "the same host",
		help: "further origins whose pages may connect: https://app.example, app.example or *",
		set: func(c *Config, v string) error {
			c.AllowedOrigins = append(c.AllowedOrigins, v)
			return checkOrigin(v)
		}},
	{key: "cert", arg: "FILE", group: groupClients, def: "none",
		help: "PEM file with the certificate (and its chain) for wss and rss",
		set:  func(c *Config, v string) error { return setPath(&c.Cert, v) }},
	{key: "key", arg: "FILE", group: groupClients, def: "none",
		help: "PEM file with the certificate's private key",
		set:  func(c *Config, v string) error { return setPath(&c.Key, v) }},
	{key: "client_ca", arg: "FILE", group: groupClients, def: "none",
		help: "PEM file with the certificates that sign those of clients; who shows one of theirs may join by it, see users",
		set:  func(c *Config, v string) error { return setPath(&c.ClientCA, v) }},
	{key: "bridge", arg: "REALM", group: groupClients, def: "off",
		help: "take POST /publish and POST /call, with JSON, on the ws, wss and unix ports, from whoever may join; REALM counts where a request does not name its own by ?realm=NAME",
		set: func(c *Config, v string) error {
			if c.Bridge = v; v == off {
				c.Bridge = ""
			}
			return nil
		}},
	{key: "longpoll", arg: "HOW", group: groupClients, def: off,
		help: "carry WAMP in HTTP requests, POST /longpoll/open and so on, on the ws, wss and unix ports, for clients that no WebSocket reaches: on, or no-content, which acknowledges what is sent by 204 instead of 202 as autobahn-js wants it",
		set: func(c *Config, v string) error {
			return setOneOf(&c.LongPoll, v, LongPollOff, LongPollOn, LongPollNoContent)
		}},
	{key: "slow_consumer", arg: "POLICY", group: groupClients, def: string(Disconnect),
		help: "what happens to a session that does not read and whose queue is full: disconnect, or drop (events are lost and counted)",
		set: func(c *Config, v string) error {
			return setOneOf(&c.SlowConsumer, v, Disconnect, Drop)
		}},

	{key: "gossip", arg: "HOST:PORT", group: groupCluster, def: defaultGossip,
		help: "address of this node for the cluster's membership (UDP and TCP); off: the node stays alone",
		set: func(c *Config, v string) error {
			if v == off {
				c.Gossip = v
				return nil
			}
			return setHostPort(&c.Gossip, v)
		}},
	{key: "link", arg: "HOST:PORT", group: groupCluster, def: "the gossip address, port + 1",
		help: "address of this node for links from other routers (TCP)",
		set:  func(c *Config, v string) error { return setHostPort(&c.Link, v) }},
	{key: "advertise", arg: "HOST", group: groupCluster, def: "the host that is bound",
		help: "host under which the other nodes reach this one, where that is another than it binds",
		set:  func(c *Config, v string) error { return setHost(&c.Advertise, v) }},
	{key: "same_host", arg: "KIND", group: groupCluster, def: string(OverUnix),
		help: "unix: links to nodes on the same host go over a Unix socket, where there is one; tcp: they go through --link like all others, and through what stands before it",
		set:  func(c *Config, v string) error { return setOneOf(&c.SameHost, v, OverUnix, OverTCP) }},
	{key: "join", arg: "SEED", list: true, group: groupCluster, def: "none",
		help: "gossip address of another node: HOST:PORT (a name stands for all of its addresses), srv+NAME (DNS SRV), file:PATH (one per line, read anew). The node itself may be among them",
		set: func(c *Config, v string) error {
			c.Join = append(c.Join, v)
			return checkSeed(v)
		}},
	{key: "directory", arg: "MODE", group: groupCluster, def: string(Replicate),
		help: "replicate: the nodes tell each other of their sessions, so that the session meta API and its events are the cluster's; query: they do not, and each node answers for its own sessions",
		set: func(c *Config, v string) error {
			return setOneOf(&c.Directory, v, Replicate, Query)
		}},
	{key: "cluster_key_file", arg: "FILE", group: groupCluster, def: "none",
		help: "file with the secret that all nodes of the cluster share, at least 16 bytes",
		set:  func(c *Config, v string) error { return setPath(&c.ClusterKeyFile, v) }},

	{key: "cluster.leave_grace", arg: "TIME", group: groupCluster, def: "30s",
		help: "from the moment a node is not routed to any more until its sessions count as over; who is back sooner is not missed",
		set:  timeOption(func(c *Config) *dur { return &c.Cluster.LeaveGrace }, ms, day)},
	{key: "cluster.retain", arg: "TIME", group: groupCluster, def: "10m",
		help: "from that moment until what the node had in the tables is dropped; who is back sooner sends its changes alone. Never less than leave_grace",
		set:  timeOption(func(c *Config) *dur { return &c.Cluster.Retain }, ms, 30*day)},
	{key: "cluster.retain_bytes", arg: "BYTES", group: groupCluster, def: "64MiB",
		help: "kept for all nodes whose sessions count as over; who has been away for longest is dropped first",
		set:  bytesOption(func(c *Config) *int { return &c.Cluster.RetainBytes }, 1<<10, 1<<40)},

	{key: "admin", arg: "HOST:PORT", group: groupAdmin, def: defaultAdmin,
		help: "address of /livez, /readyz, /metrics and /cluster; off for none",
		set: func(c *Config, v string) error {
			if v == off {
				c.Admin = v
				return nil
			}
			return setHostPort(&c.Admin, v)
		}},
	{key: "admin_hosts", arg: "NAME", list: true, group: groupAdmin, def: "none",
		help: "further names under which the admin address may be asked; others are refused, against DNS rebinding",
		set: func(c *Config, v string) error {
			c.AdminHosts = append(c.AdminHosts, v)
			return checkHostName(v)
		}},
	{key: "insecure", group: groupAdmin, def: "no",
		help: "allow addresses that are open to more than this machine without authentication or key; for tests and private networks",
		set:  func(c *Config, v string) error { return setBool(&c.Insecure, v) }},
	{key: "log_level", arg: "LEVEL", group: groupAdmin, def: "info",
		help: "debug, info, warn or error",
		set:  func(c *Config, v string) error { return setLevel(&c.LogLevel, v) }},
	{key: "log_format", arg: "FORMAT", group: groupAdmin, def: string(Auto),
		help: "text, json, or auto: text on a terminal, else json",
		set:  func(c *Config, v string) error { return setOneOf(&c.LogFormat, v, Auto, Text, JSON) }},

	{key: "limits.message", arg: "BYTES", group: groupLimits, def: "16MiB",
		help: "largest message from a client; 16MiB is the most that RawSocket can announce",
		set:  bytesOption(func(c *Config) *int { return &c.Limits.MessageBytes }, 512, 16<<20)},
	{key: "limits.first_message", arg: "BYTES", group: groupLimits, def: "64KiB",
		help: "largest message before WELCOME: nobody unknown makes the node keep more",
		set:  bytesOption(func(c *Config) *int { return &c.Limits.FirstMessageBytes }, 512, 16<<20)},
	{key: "limits.handshake", arg: "TIME", group: groupLimits, def: "10s",
		help: "from the connection to the end of its transport's handshake",
		set:  timeOption(func(c *Config) *dur { return &c.Limits.HandshakeTimeout }, ms, hour)},
	{key: "limits.hello", arg: "TIME", group: groupLimits, def: "10s",
		help: "from there to HELLO",
		set:  timeOption(func(c *Config) *dur { return &c.Limits.HelloTimeout }, ms, hour)},
	{key: "limits.connections", arg: "N", group: groupLimits, def: "1048576",
		help: "connections of clients to this node",
		set:  intOption(func(c *Config) *int { return &c.Limits.Connections }, 1, 1<<24)},
	{key: "limits.connections_per_address", arg: "N", group: groupLimits, def: "4096",
		help: "of them from one address (IPv6: /64 network), loopback and Unix sockets aside; 0: unlimited",
		set:  intOption(func(c *Config) *int { return &c.Limits.ConnectionsPerAddress }, 0, 1<<24)},
	{key: "limits.outbox", arg: "BYTES", group: groupLimits, def: "8MiB",
		help: "queued for one client before slow_consumer decides; a queue that is a quarter full or less takes any one message",
		set:  bytesOption(func(c *Config) *int { return &c.Limits.OutboxBytes }, 4<<10, 1<<30)},
	{key: "limits.outbox_total", arg: "BYTES", group: groupLimits, def: "1GiB",
		help: "queued for all clients of this node",
		set:  bytesOption(func(c *Config) *int64 { return &c.Limits.OutboxTotalBytes }, 1<<20, 1<<40)},
	{key: "limits.pause", arg: "TIME", group: groupLimits, def: "50ms",
		help: "that a publisher is held up by one slow receiver, once",
		set:  timeOption(func(c *Config) *dur { return &c.Limits.PauseTime }, ms, minute)},
	{key: "limits.subscriptions", arg: "N", group: groupLimits, def: "65536",
		help: "of one session",
		set:  intOption(func(c *Config) *int { return &c.Limits.SubscriptionsPerSession }, 1, 1<<24)},
	{key: "limits.registrations", arg: "N", group: groupLimits, def: "65536",
		help: "of one session",
		set:  intOption(func(c *Config) *int { return &c.Limits.RegistrationsPerSession }, 1, 1<<24)},
	{key: "limits.body", arg: "BYTES", group: groupLimits, def: "1MiB",
		help: "body of an HTTP request to the bridge or of long polling, of which 256 each may be under way",
		set:  bytesOption(func(c *Config) *int { return &c.Limits.BodyBytes }, 1<<10, 16<<20)},
	{key: "limits.realms", arg: "N", group: groupLimits, def: "4096",
		help: "realms that are made by templates, on one node; one takes a few kilobytes and stays until the node ends",
		set:  intOption(func(c *Config) *int { return &c.Limits.RealmsOnDemand }, 1, 32768)},
	{key: "limits.calls", arg: "N", group: groupLimits, def: "16384",
		help: "unanswered calls of one session",
		set:  intOption(func(c *Config) *int { return &c.Limits.CallsPerSession }, 1, 1<<24)},
	{key: "limits.invocations", arg: "N", group: groupLimits, def: "65536",
		help: "unanswered invocations of one session, whoever calls it",
		set:  intOption(func(c *Config) *int { return &c.Limits.InvocationsPerSession }, 1, 1<<24)},
	{key: "limits.testaments", arg: "N", group: groupLimits, def: "16",
		help: "testaments of one session; every node keeps them",
		set:  intOption(func(c *Config) *int { return &c.Limits.TestamentsPerSession }, 1, 1<<16)},
	{key: "limits.testament_bytes", arg: "BYTES", group: groupLimits, def: "64KiB",
		help: "the testaments of one session together",
		set:  bytesOption(func(c *Config) *int { return &c.Limits.TestamentBytes }, 1<<10, 16<<20)},
	{key: "limits.retained_events", arg: "N", group: groupLimits, def: "65536",
		help: "retained events of a realm, in the whole cluster; what is published to be retained beyond is not",
		set:  intOption(func(c *Config) *int { return &c.Limits.RetainedEvents }, 1, 1<<24)},
	{key: "limits.retained_bytes", arg: "BYTES", group: groupLimits, def: "32MiB",
		help: "the retained events of a realm together; one is 28 KiB at most",
		set:  bytesOption(func(c *Config) *int { return &c.Limits.RetainedBytes }, 1<<10, 1<<40)},
	{key: "limits.rate", arg: "N", group: groupLimits, def: "200000",
		help: "messages per second that one session may send in the long run, a fifth of what a processor carries; who sends more is not read for a while. One that changes what all nodes know (SUBSCRIBE, REGISTER) counts for 20; 0: any",
		set:  intOption(func(c *Config) *int { return &c.Limits.Rate }, 0, 1<<24)},
	{key: "limits.rate_burst", arg: "N", group: groupLimits, def: "0",
		help: "messages that it may send at once before that; 0: as many as in a second",
		set:  intOption(func(c *Config) *int { return &c.Limits.RateBurst }, 0, 1<<24)},
	{key: "limits.rate_grace", arg: "TIME", group: groupLimits, def: "0",
		help: "that a session may be held up for its rate without having caught up once; then it is closed. 0: it is only slowed, for as long as it likes",
		set:  timeOption(func(c *Config) *dur { return &c.Limits.RateGrace }, 0, day)},
	{key: "limits.ping", arg: "TIME", group: groupLimits, def: "30s",
		help: "of silence before a WebSocket client is asked whether it lives; 0: never",
		set:  timeOption(func(c *Config) *dur { return &c.Limits.PingInterval }, 0, day)},
	{key: "limits.pong", arg: "TIME", group: groupLimits, def: "30s",
		help: "that it has to answer",
		set:  timeOption(func(c *Config) *dur { return &c.Limits.PongTimeout }, ms, day)},
}

const (
	defaultListen = "ws://127.0.0.1:8080/ws"
	defaultGossip = "127.0.0.1:7946"
	// off in place of an address: there is no such port.
	off          = "off"
	defaultRealm = "realm1"
	defaultAdmin = "127.0.0.1:9090"
	// workersMax is what a set of workers can hold (broker.WorkerSet has 64 bits).
	workersMax = 64
)

// formulas are the defaults that setDefaults computes; those of other options are applied as if they had been given.
var formulas = map[string]bool{
	"name": true, "data": true, "workers": true, "history": true, "anonymous": true, "allowed_origins": true, "cert": true, "key": true, "client_ca": true, "link": true,
	"advertise": true, "join": true, "cluster_key_file": true, "admin_hosts": true, "insecure": true,
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// find gives the option of that key, nil if there is none.
func find(key string) *option {
	for i := range options {
		if options[i].key == key {
			return &options[i]
		}
	}
	return nil
}
