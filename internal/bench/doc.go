// Package bench loads routers and tells what came of it: the flows behind `kleeblatt bench`.
//
// A flow ([PubSub], [RPC], [Connect], [Idle]) opens its sessions over the given URLs in turn, waits until everything that is sent arrives
// (over several nodes that takes a hop), warms up, measures, and waits for what is still under way:
//
//	         alarm (open loop) or answers (closed loop)
//	                ▼ wake
//	sender: writer goroutine ── stamped messages, many per write ──▶ router
//	                                                                   │
//	receiver: reader goroutine ◀── tracker, histogram ◀────────────────┘
//
// Each message carries its sender, its number and the time at which it was meant to be sent. So the receiver alone can tell what is lost,
// doubled or out of order, and a latency begins when the message was due and not when a hindered generator got round to it (no
// coordinated omission). All sessions live in one process and share one clock.
//
// Owners and goroutines: a session's tracker belongs to its reader, a sender's number to its writer; they meet in the gate, which is
// atomic, and in counters. Memory is bounded by the configuration, whatever the duration: see [Config.Check].
//
// The generator watches itself: its share of the processors, how late its timers and goroutines ran. [Report.Bottleneck] says in plain
// words when it, and not the router, was the limit.
//
// What a message costs on each kind of port is among the benchmarks here (BenchmarkPath); testdata/baseline.txt is what all benchmarks of the
// module said once, and what "make bench" compares with. Whoever changes a figure on purpose commits a new one: cp bin/bench.txt over it.
//
// Arrows: internal/client (its bare sessions), internal/codec, internal/wamp and the package's own histogram.
package bench
