package netlab

import (
	"fmt"
	"strconv"
	"strings"
)

// Counts are the numbers of one scrape, by name and label as they stand there: kleeblatt_link_lost_total{node="n2"}.
type Counts map[string]uint64

// parseMetrics reads the Prometheus text format. What is no whole number is passed over.
func parseMetrics(text string) Counts {
	c := Counts{}
	for line := range strings.Lines(text) {
		at := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		if v, err := strconv.ParseUint(strings.TrimSpace(line[at:]), 10, 64); err == nil {
			c[line[:at]] = v
		}
	}
	return c
}

// label is the key of a metric with one label.
func label(metric, name, value string) string { return metric + `{` + name + `="` + value + `"}` }

// lostTo are the frames for that node that this one gave up or refused.
func (c Counts) lostTo(node string) uint64 {
	return c[label("kleeblatt_link_lost_total", "node", node)] + c[label("kleeblatt_link_dropped_total", "node", node)]
}

// eventDrops are the reasons under which a node counts events that it had and that somebody did not get.
var eventDrops = []string{"event_too_large", "event_not_carried", "event_slow_consumer", "frame_unreadable", "outbox_full", "relay_over_budget"}

// lostHere are those.
func (c Counts) lostHere() (sum uint64) {
	for _, r := range eventDrops {
		sum += c[label("kleeblatt_dropped_total", "reason", r)]
	}
	return sum
}

// books sum up the counts of all nodes over all of their processes: a new process counts from nothing.
type books struct {
	closed map[string]map[string]uint64 // node → (other node, or "" for itself) → of processes that have ended
	open   map[string]Counts            // node → the last scrape of the running one
	nodes  []string
}

func newBooks(nodes []string) *books {
	b := &books{closed: map[string]map[string]uint64{}, open: map[string]Counts{}, nodes: nodes}
	for _, n := range nodes {
		b.closed[n] = map[string]uint64{}
	}
	return b
}

// scraped notes what a node says now.
func (b *books) scraped(node string, c Counts) { b.open[node] = c }

// ended closes the book of a node's process with its last scrape.
func (b *books) ended(node string) {
	for _, other := range b.nodes {
		b.closed[node][other] += b.open[node].lostTo(other)
	}
	b.closed[node][""] += b.open[node].lostHere()
	delete(b.open, node)
}

// between are the losses on the way from one node to another.
func (b *books) between(from, to string) uint64 { return b.closed[from][to] + b.open[from].lostTo(to) }

// within are those on a node.
func (b *books) within(node string) uint64 { return b.closed[node][""] + b.open[node].lostHere() }

// total is all of them.
func (b *books) total() (sum uint64) {
	for _, a := range b.nodes {
		sum += b.within(a)
		for _, o := range b.nodes {
			sum += b.between(a, o)
		}
	}
	return sum
}

// uncounted is how many of the missing events no node has counted, and on which ways, in words: losses on a node's links explain what is
// missing between those two, losses within any node explain the rest.
func (b *books) uncounted(missing map[[2]string]uint64) (rest uint64, ways string) {
	var within uint64
	for _, from := range b.nodes {
		within += b.within(from)
		for _, to := range b.nodes {
			n, known := missing[[2]string{from, to}], b.between(from, to)
			if n > known {
				rest += n - known
				ways += fmt.Sprintf(", %s to %s %d of %d", from, to, n-known, n)
			}
		}
	}
	if rest <= within {
		return 0, ""
	}
	return rest - within, strings.TrimPrefix(ways, ", ")
}
