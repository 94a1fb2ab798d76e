package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"kleeblatt/internal/bench"
	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

var benchCommand = &command{
	name:    "bench",
	args:    "pubsub|rpc|connect|idle [--url URL]… [--realm REALM] [OPTION]… [-o json]",
	summary: "load one or several nodes, and measure",
	help: `
pubsub   publishers and subscribers         --publishers --subscribers --topics --ack
rpc      callers, and callees that echo     --callers --callees --shared
connect  join, say goodbye, again           --clients
idle     wait, then be reached by an event  --sessions --clients

Without --rate the loop is closed: each publisher or caller has --in-flight messages under way, and sends the next one when one has
arrived everywhere (with --ack: when it is acknowledged). With --rate it is open: messages leave at their time, and a latency
begins when the message was due. Counts are of the whole run, rates and latencies of what was due behind the warm-up.

Sessions are spread over the URLs in turn. The exit status is 1 when anything was lost, doubled, out of order or refused.
`,
}

func init() { benchCommand.run = runBench }

// benchFlags are the flags of all flows; flows says for each one that is not common to all which ones have it.
type benchFlags struct {
	dial                                      dialFlags
	receivers                                 listFlag
	pids                                      listFlag
	serializer                                string
	format                                    string
	cfg                                       bench.Config
	publishers, subscribers, callers, callees int
}

var benchFlows = map[string][]string{
	"publishers": {bench.PubSub}, "subscribers": {bench.PubSub}, "topics": {bench.PubSub}, "ack": {bench.PubSub},
	"callers": {bench.RPC}, "callees": {bench.RPC}, "shared": {bench.RPC},
	"payload": {bench.PubSub, bench.RPC}, "in-flight": {bench.PubSub, bench.RPC}, "receiver-url": {bench.PubSub, bench.RPC},
	"sessions": {bench.Idle}, "rate": {bench.PubSub, bench.RPC, bench.Connect}, "warmup": {bench.PubSub, bench.RPC, bench.Connect},
}

func (b *benchFlags) add(fs *flag.FlagSet) {
	b.dial.add(fs)
	c := &b.cfg
	fs.Var(&b.receivers, "receiver-url", "`URL` of subscribers and callees, several times for several\n(default: those of --url)")
	fs.Var(&b.pids, "pid", "`PID` of a router, several times for several: tell what their processes use (Linux)")
	fs.StringVar(&b.serializer, "serializer", wamp.MsgPack.String(), "`NAME`: json, msgpack or cbor")
	fs.DurationVar(&c.Duration, "duration", 10*time.Second, "measure for this `TIME`; idle: wait for it")
	fs.DurationVar(&c.Warmup, "warmup", time.Second, "`TIME` before that, which is not measured")
	fs.Float64Var(&c.Rate, "rate", 0, "open loop: `N` messages, calls or joins per second, of all senders together")
	fs.IntVar(&b.publishers, "publishers", 1, "`N` publishers")
	fs.IntVar(&b.subscribers, "subscribers", 10, "`N` subscribers")
	fs.IntVar(&c.Topics, "topics", 1, "`N` topics; publisher and subscriber i are of topic i modulo N")
	fs.BoolVar(&c.Acknowledge, "ack", false, "publish with acknowledgement, and measure that too")
	fs.IntVar(&b.callers, "callers", 10, "`N` callers")
	fs.IntVar(&b.callees, "callees", 1, "`N` callees; caller i calls callee i modulo N")
	fs.BoolVar(&c.Shared, "shared", false, "one procedure, shared by all callees in round robin")
	fs.IntVar(&c.InFlight, "in-flight", 1, "closed loop: `N` messages under way per publisher or caller")
	fs.IntVar(&c.Payload, "payload", 128, "`BYTES` of a message's argument")
	fs.IntVar(&c.Sessions, "sessions", 1000, "`N` sessions that wait")
	fs.IntVar(&c.Concurrency, "clients", 16, "`N` sessions that are opened at a time")
}

func runBench(ctx context.Context, words []string, io stdio) error {
	cfg, format, err := benchConfig(words, io)
	if err != nil {
		return err
	}
	live := terminal(io)
	if live {
		cfg.Progress = func(p bench.Progress) { fmt.Fprintf(io.err, "\r\033[K%s", progressLine(p)) }
	}
	rep, err := bench.Run(ctx, cfg)
	if live {
		fmt.Fprint(io.err, "\r\033[K")
	}
	switch {
	case err != nil:
		return err
	case format == "json":
		err = printLine(io, rep)
	default:
		_, err = fmt.Fprint(io.out, benchTable(rep))
	}
	if err == nil && !rep.Clean() {
		err = errors.New(strings.TrimSuffix("not everything came once and in order: "+rep.Problem, ": "))
	}
	return err
}

func benchConfig(words []string, io stdio) (bench.Config, string, error) {
	fs := benchCommand.flags(io)
	var b benchFlags
	b.add(fs)
	fs.StringVar(&b.format, "o", "text", "`FORMAT`: text or json")
	words, err := parse(fs, words)
	if err != nil {
		return b.cfg, "", err
	}
	if len(words) != 1 {
		return b.cfg, "", usagef("one of pubsub, rpc, connect, idle is needed")
	}
	if b.cfg.Flow = words[0]; b.cfg.Flow == bench.RPC {
		b.publishers, b.subscribers = b.callers, b.callees
	}
	b.cfg.Senders, b.cfg.Receivers = b.publishers, b.subscribers
	if err := b.strangers(fs); err != nil {
		return b.cfg, "", err
	}
	b.dial.urls, b.receivers = splitCommas(b.dial.urls), splitCommas(b.receivers)
	if b.cfg.Client, err = b.dial.config(); err != nil {
		return b.cfg, "", err
	}
	b.cfg.ReceiverURLs = b.receivers
	for _, u := range b.receivers {
		if err := client.CheckURL(u); err != nil {
			return b.cfg, "", usagef("%v", err)
		}
	}
	if err := b.processes(); err != nil {
		return b.cfg, "", err
	}
	s, ok := wamp.ParseSerializer(b.serializer)
	switch {
	case !ok:
		return b.cfg, "", usagef("--serializer %s is none of json, msgpack, cbor", b.serializer)
	case b.format != "text" && b.format != "json":
		return b.cfg, "", usagef("-o %s is neither text nor json", b.format)
	}
	b.cfg.Client.Serializer = s
	if err := b.cfg.Check(); err != nil {
		return b.cfg, "", usagef("%v", err)
	}
	return b.cfg, b.format, nil
}

// strangers finds flags that mean nothing in this flow.
func (b *benchFlags) strangers(fs *flag.FlagSet) (err error) {
	fs.Visit(func(f *flag.Flag) {
		flows, special := benchFlows[f.Name]
		if special && !strings.Contains(" "+strings.Join(flows, " ")+" ", " "+b.cfg.Flow+" ") {
			err = usagef("--%s means nothing in %s", f.Name, b.cfg.Flow)
		}
	})
	return err
}

// processes takes --pid.
func (b *benchFlags) processes() error {
	for _, word := range splitCommas(b.pids) {
		pid, err := strconv.Atoi(word)
		if err != nil || pid <= 0 {
			return usagef("--pid %s is no process's number", word)
		}
		b.cfg.PIDs = append(b.cfg.PIDs, pid)
	}
	return nil
}

func splitCommas(urls []string) (out []string) {
	for _, u := range urls {
		out = append(out, strings.Split(u, ",")...)
	}
	return out
}

func terminal(io stdio) bool {
	f, ok := io.err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func progressLine(p bench.Progress) string {
	line := fmt.Sprintf("%3.0f s  %-10s %s sessions", p.Elapsed.Seconds(), p.Phase, thousands(p.Sessions))
	if p.Sent > 0 {
		line += fmt.Sprintf("  sent %s  received %s", thousands(p.Sent), thousands(p.Received))
	}
	if p.P50 > 0 {
		line += fmt.Sprintf("  p50 %s  p99 %s", bench.Span(p.P50), bench.Span(p.P99))
	}
	return line
}
