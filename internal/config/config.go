package config

import (
	"crypto/tls"
	"io"
	"log/slog"
	"time"

	"kleeblatt/internal/wamp"
)

// Config is the configuration of one node: complete, checked, with all defaults filled in.
type Config struct {
	File string // the file that it came from, "" for none

	Name string // of this node, unique in the cluster
	Data string // directory for what is to outlive the process, "" for none

	Listen         []Listener // for clients
	AllowedOrigins []string   // as transport.Listener has them
	LongPoll       LongPoll   // whether WAMP is carried in HTTP requests
	Bridge         string     // the realm in which POST /publish and /call act, "" for none
	Cert, Key      string     // PEM files for wss and rss
	ClientCA       string     // PEM file with those who sign clients' certificates, "" for none
	TLS            *tls.Config
	Realms         []Realm
	Histories      []History       // subscriptions whose events are kept
	Users          []User          // who may join
	Authenticators []Authenticator // procedures that know others who may join
	Roles          []Role          // those of which anything is said; the others may do everything
	Anonymous      string          // the role of those who may join without proving anything, "" (off) where nobody may
	SlowConsumer   SlowConsumer

	Gossip         string // host:port of membership, "" (off) for a node that stays alone
	Link           string // host:port of router links, "" likewise
	Advertise      string // host under which the other nodes reach both, "" for the one bound
	SameHost       SameHost
	Join           []string // seeds, as gossip/swim takes them
	Cluster        Cluster
	Directory      Directory
	ClusterKeyFile string
	ClusterKey     []byte // its content, nil for none

	Admin      string   // host:port of health, metrics and status, "" for none
	AdminHosts []string // further names under which it may be asked

	Insecure  bool
	Workers   int // loops and workers, one each per core
	LogLevel  slog.Level
	LogFormat LogFormat
	Limits    Limits

	// Warnings are for the log: things that work and should not stay so.
	Warnings []string
}

// Listener is one port for clients.
type Listener struct {
	URL    string // normalized: scheme://host:port/path, unix:///path
	Scheme string // ws, wss, rs, rss, unix
	Addr   string // host:port, or the path of a Unix socket
	Path   string // of ws and wss
}

// TLS reports whether the port needs a certificate.
func (l Listener) TLS() bool { return l.Scheme == "wss" || l.Scheme == "rss" }

// Realm is one realm that the node serves, or a template of realms: of those that come to be when somebody joins them.
type Realm struct {
	Name   string // of a template a pattern, as wamp.RealmFits reads it
	Strict bool   // what the specification demands and common clients break: sequential request ids and the like
	// Conflict is what becomes of the later of two owners of a procedure that meet after a partition.
	Conflict Conflict
	// StrictURI takes only URIs whose components are of [0-9a-z_].
	StrictURI bool
	// NoPassthru takes no payload that the router cannot read: payload_passthru_mode is not announced there.
	NoPassthru bool
	Disclose   Disclose
	Limits     SessionLimits
}

// LongPoll is whether WAMP is carried in HTTP requests, below /longpoll.
type LongPoll string

const (
	LongPollOff       LongPoll = off
	LongPollOn        LongPoll = "on"
	LongPollNoContent LongPoll = "no-content" // what is sent is answered 204, as autobahn-js wants it
)

// Disclose is whether callers and publishers are named to others.
type Disclose string

const (
	OnRequest Disclose = "" // where they ask for it, or rules say so
	Never     Disclose = "never"
	Always    Disclose = "always"
)

// History is one subscription whose latest events are kept; a zero bound stands for its default.
type History struct {
	Realm  string
	Match  wamp.Match
	Topic  string
	Events int
	Bytes  int
}

// Conflict is what becomes of a registration that loses against an earlier one.
type Conflict string

const (
	Revoke  Conflict = "revoke"  // it ends, and the callee is told
	Standby Conflict = "standby" // it is called when the earlier one is gone
)

// SlowConsumer is what happens to a session that does not read fast enough.
type SlowConsumer string

const (
	Disconnect SlowConsumer = "disconnect"
	Drop       SlowConsumer = "drop"
)

// Directory is what the nodes tell each other of their sessions.
type Directory string

const (
	Replicate Directory = "replicate" // who is there: each node answers for the cluster, and tells of joins and leaves everywhere
	Query     Directory = "query"     // nothing: each node knows and tells of its own sessions alone
)

// SameHost is how nodes of one host link.
type SameHost string

const (
	OverUnix SameHost = "unix" // over a Unix socket, where there is one
	OverTCP  SameHost = "tcp"  // like nodes of different hosts
)

// LogFormat is how log lines look.
type LogFormat string

const (
	Auto LogFormat = "auto" // text on a terminal, else json
	Text LogFormat = "text"
	JSON LogFormat = "json"
)

// Cluster is how long nodes that are away are remembered, see gossip.Config.
type Cluster struct {
	LeaveGrace  time.Duration // from hidden until their sessions are over
	Retain      time.Duration // from hidden until their part of the tables is dropped
	RetainBytes int           // of such parts altogether
}

// Limits are the bounds that an operator may want to change. Their defaults and reasons stand in the table of options.
type Limits struct {
	MessageBytes            int           // a message from a client
	FirstMessageBytes       int           // one before WELCOME
	HandshakeTimeout        time.Duration // from accept to the end of the transport's handshake
	HelloTimeout            time.Duration // from there to HELLO
	Connections             int           // of clients, on this node
	ConnectionsPerAddress   int           // 0: unlimited; loopback and Unix sockets are not counted
	OutboxBytes             int           // queued for one client
	OutboxTotalBytes        int64         // queued for all of them
	PauseTime               time.Duration // that a publisher waits for one slow receiver
	SubscriptionsPerSession int
	RegistrationsPerSession int
	BodyBytes               int // of a request to the HTTP bridge or of long polling
	RealmsOnDemand          int // that are made by templates, on this node
	CallsPerSession         int // pending, of a caller
	InvocationsPerSession   int // pending, of a callee
	TestamentsPerSession    int
	TestamentBytes          int           // of a session's together
	RetainedEvents          int           // of a realm, in the whole cluster
	RetainedBytes           int           // of them
	Rate, RateBurst         int           // messages per second from a session, and how many it may be ahead; 0: any
	RateGrace               time.Duration // that a session may be held up for its rate at a stretch before it is closed; zero: never closed
	PingInterval            time.Duration // of silence before a WebSocket ping; 0: never
	PongTimeout             time.Duration
}

// Parse makes a configuration of the words behind "kleeblatt serve". The error is flag.ErrHelp for --help, else a Problems.
func Parse(args []string) (Config, error) { return parse(args, systemEnv()) }

// Usage writes the help text of all options.
func Usage(w io.Writer) { usage(w) }
