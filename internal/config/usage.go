package config

import (
	"fmt"
	"io"
	"strings"
)

// usageWidth is how wide the help text is: what a terminal of old shows.
const usageWidth = 80

// usage writes the table of options for people, in its order.
func usage(w io.Writer) {
	var b strings.Builder
	b.WriteString("  --config FILE\n")
	wrap(&b, "YAML file with the options below: --slow-consumer drop is slow_consumer: drop, --limit-outbox 1MiB is outbox: 1MiB below limits:, --leave-grace, --retain and --retain-bytes stand below cluster:, what may be given several times is a list. Flags win over the file.")
	group := ""
	for i := range options {
		o := &options[i]
		if o.group != group {
			group = o.group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		fmt.Fprintf(&b, "  --%s", o.flag())
		if o.arg != "" {
			b.WriteString(" " + o.arg)
		}
		if o.list {
			b.WriteString(" …")
		}
		b.WriteByte('\n')
		wrap(&b, o.help+" (default: "+o.def+")")
	}
	io.WriteString(w, b.String())
}

// wrap writes an indented paragraph.
func wrap(b *strings.Builder, text string) {
	const indent = "        "
	col := 0
	for _, word := range strings.Fields(text) {
		switch {
		case col == 0:
			b.WriteString(indent)
			col = len(indent)
		case col+1+len(word) > usageWidth:
			b.WriteString("\n" + indent)
			col = len(indent)
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += len(word)
	}
	b.WriteByte('\n')
}
