package main

import (
	"flag"
	"fmt"
	"io"

	"kleeblatt/chaos/netlab"
	"kleeblatt/chaos/null"
)

const nullUsage = `usage: kleeblatt-chaos null [--listen URL]

Runs a router that understands nothing: what this machine allows a router at most, for "kleeblatt bench" to load. It forwards, on one thread,
in MessagePack over WebSocket; it checks and bounds nothing that a router has to, so let nobody else reach it.

  kleeblatt-chaos null --listen ws://127.0.0.1:18080/ws &
  kleeblatt bench pubsub --url ws://127.0.0.1:18080/ws --subscribers 100 --in-flight 64 --pid $!

`

// nullRouter runs the limit that routers are measured against until it is interrupted.
func nullRouter(words []string, out, complaints io.Writer) int {
	flags := flag.NewFlagSet("null", flag.ContinueOnError)
	listen := flags.String("listen", "ws://127.0.0.1:18080/ws", "`URL` to serve: an IP address and a port, 0 for any")
	if status, ok := parseFlags(flags, words, nullUsage, out, complaints); !ok {
		return status
	}
	if flags.NArg() > 0 {
		fmt.Fprintln(complaints, "null takes flags only")
		return 2
	}
	ctx, stop := netlab.Interrupted()
	defer stop()
	r, err := null.Listen(*listen)
	if err == nil {
		fmt.Fprintf(out, "a router that understands nothing listens on %s\n", r.URL())
		err = r.Serve(ctx)
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}
