package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"kleeblatt/chaos/degrade"
	"kleeblatt/chaos/netlab"
)

const degradeUsage = `usage: kleeblatt-chaos degrade --profile NAME --listen A --to B [--listen A --to B]… [--FLAG VALUE]…

Is a bad link before a node: what comes to A, TCP and UDP, goes to B and back, as late, lossy and interrupted as the profile says. All pairs
are one link. It needs no privileges, and works for any program.

Before a node of a cluster, all that the others send it goes through where the node tells them the proxy's host, with the same ports:

  kleeblatt serve --gossip 127.0.0.1:7946 --link 127.0.0.1:7947 --advertise 127.0.0.2 --same-host tcp …
  kleeblatt-chaos degrade --profile 3g --listen 127.0.0.2:7946 --to 127.0.0.1:7946 --listen 127.0.0.2:7947 --to 127.0.0.1:7947

The same profile and seed give the same weather at the same times (--plan prints it). Flags for single values change the profile.

Profiles:
`

// degradeFlags are the words of the command.
type degradeFlags struct {
	profile    string
	listen, to []string
	seed       uint64
	length     time.Duration
	plan       bool
	own        degrade.Profile // single values that were given
}

func (d *degradeFlags) add(fs *flag.FlagSet) {
	list := func(name, help string, dst *[]string) {
		fs.Func(name, help, func(v string) error { *dst = append(*dst, v); return nil })
	}
	fs.StringVar(&d.profile, "profile", "none", "`NAME` of a profile")
	list("listen", "`HOST:PORT` to listen on, several times for several", &d.listen)
	list("to", "`HOST:PORT` behind it; as many as --listen, in the same order", &d.to)
	fs.Uint64Var(&d.seed, "seed", 1, "what the weather and all else is drawn from")
	fs.DurationVar(&d.length, "for", 0, "end after this `TIME`; 0: when interrupted")
	fs.BoolVar(&d.plan, "plan", false, "print the weather until --for (a minute), and end")
	fs.DurationVar(&d.own.Delay, "delay", 0, "`TIME` one way")
	fs.DurationVar(&d.own.Jitter, "jitter", 0, "up to so much `TIME` more")
	fs.Float64Var(&d.own.Loss, "loss", 0, "`SHARE` of the packets that are lost, 0 to 1; in streams they are late")
	fs.Float64Var(&d.own.Duplicate, "duplicate", 0, "`SHARE` of the datagrams that come twice")
	fs.Float64Var(&d.own.Reorder, "reorder", 0, "`SHARE` of the datagrams that others overtake")
	fs.DurationVar(&d.own.ReorderBy, "reorder-by", 20*time.Millisecond, "`TIME` that those are later")
	fs.IntVar(&d.own.Bandwidth, "bandwidth", 0, "`BYTES` per second and direction; 0: no limit")
}

// options puts together what was asked for.
func (d *degradeFlags) options(fs *flag.FlagSet) (degrade.Options, error) {
	p, err := degrade.Named(d.profile)
	if err != nil {
		return degrade.Options{}, err
	}
	fs.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "delay":
			p.Delay = d.own.Delay
		case "jitter":
			p.Jitter = d.own.Jitter
		case "loss":
			p.Loss = d.own.Loss
		case "duplicate":
			p.Duplicate = d.own.Duplicate
		case "reorder":
			p.Reorder = d.own.Reorder
			p.ReorderBy = max(p.ReorderBy, d.own.ReorderBy)
		case "reorder-by":
			p.ReorderBy = d.own.ReorderBy
		case "bandwidth":
			p.Bandwidth = d.own.Bandwidth
		}
	})
	o := degrade.Options{Profile: p, Seed: d.seed}
	switch {
	case fs.NArg() > 0:
		return o, errors.New("degrade takes flags only")
	case d.length < 0:
		return o, fmt.Errorf("--for %v is below 0", d.length)
	case len(d.listen) != len(d.to) || len(d.listen) == 0 && !d.plan:
		return o, errors.New("each --listen needs its --to, and one is needed at least")
	}
	for i := range d.listen {
		o.Pairs = append(o.Pairs, degrade.Pair{Listen: d.listen[i], To: d.to[i]})
	}
	return o, p.Check()
}

// degradeLink is a bad link until its time is over or it is interrupted.
func degradeLink(words []string, out, complaints io.Writer) int {
	var d degradeFlags
	fs := flag.NewFlagSet("degrade", flag.ContinueOnError)
	d.add(fs)
	usage := degradeUsage
	for _, p := range degrade.Profiles() {
		usage += fmt.Sprintf("  %-11s %s\n", p.Name, p.About)
	}
	if status, ok := parseFlags(fs, words, usage+"\n", out, complaints); !ok {
		return status
	}
	o, err := d.options(fs)
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 2
	}
	if d.plan {
		if d.length == 0 {
			d.length = time.Minute
		}
		for _, w := range degrade.Plan(o.Profile, o.Seed, d.length) {
			fmt.Fprintln(out, w)
		}
		return 0
	}
	ctx, stop := netlab.Interrupted()
	defer stop()
	if d.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.length)
		defer cancel()
	}
	proxy, err := degrade.Listen(o)
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	fmt.Fprintf(out, "profile %s, seed %d\n", o.Profile.Name, o.Seed)
	for i, p := range o.Pairs {
		fmt.Fprintf(out, "  %s to %s\n", proxy.Addr(i), p.To)
	}
	told := make(chan struct{})
	go func() { defer close(told); tellWeather(ctx, o, out) }()
	proxy.Serve(ctx)
	<-told
	linkTable(out, proxy.Stats())
	return 0
}

// forecast is how far ahead the weather is looked at.
const forecast = time.Hour

// tellWeather prints each spell of bad weather when it begins.
func tellWeather(ctx context.Context, o degrade.Options, out io.Writer) {
	began := time.Now()
	for _, w := range degrade.Plan(o.Profile, o.Seed, forecast) {
		select {
		case <-time.After(w.From - time.Since(began)):
			fmt.Fprintln(out, w)
		case <-ctx.Done():
			return
		}
	}
}

func linkTable(out io.Writer, s degrade.Stats) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tconnections\tbytes\tdatagrams\tlost\ttwice\tno room\t")
	for d, x := range s {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", degrade.Direction(d), x.Connections, x.Bytes, x.Datagrams, x.Lost, x.Twice, x.Dropped)
	}
	t.Flush()
}
