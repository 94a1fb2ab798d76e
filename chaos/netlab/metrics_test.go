package netlab

import "testing"

const scrapeText = `# HELP kleeblatt_link_lost_total Frames for that node that were given up.
# TYPE kleeblatt_link_lost_total counter
kleeblatt_link_lost_total{node="n2"} 7
kleeblatt_link_lost_total{node="n3"} 0
kleeblatt_link_dropped_total{node="n2"} 2
kleeblatt_link_rtt_seconds{node="n2"} 0.00025
kleeblatt_dropped_total{reason="event_slow_consumer"} 3
kleeblatt_dropped_total{reason="reply_late"} 40
kleeblatt_published_total 1000
broken
`

func TestParseMetrics(t *testing.T) {
	c := parseMetrics(scrapeText)
	if len(c) != 6 || c["kleeblatt_published_total"] != 1000 {
		t.Errorf("%v", c)
	}
	if c.lostTo("n2") != 9 || c.lostTo("n3") != 0 || c.lostHere() != 3 {
		t.Errorf("to n2 %d, to n3 %d, here %d", c.lostTo("n2"), c.lostTo("n3"), c.lostHere())
	}
}

// TestBooks: what ended processes have counted is not forgotten, and a loss explains only what is missing on its own way.
func TestBooks(t *testing.T) {
	b := newBooks([]string{"n1", "n2", "n3"})
	b.scraped("n1", parseMetrics(scrapeText))
	b.ended("n1")
	b.scraped("n1", Counts{label("kleeblatt_link_lost_total", "node", "n2"): 1})
	if b.between("n1", "n2") != 10 || b.within("n1") != 3 || b.total() != 13 {
		t.Errorf("between %d, within %d, total %d", b.between("n1", "n2"), b.within("n1"), b.total())
	}
	way := func(from, to string, n uint64) map[[2]string]uint64 { return map[[2]string]uint64{{from, to}: n} }
	for _, c := range []struct {
		missing map[[2]string]uint64
		want    uint64
	}{
		{nil, 0},
		{way("n1", "n2", 10), 0},
		{way("n1", "n2", 13), 0}, // three by n1 itself
		{way("n1", "n2", 14), 1},
		{way("n2", "n1", 4), 1},
		{way("n1", "n3", 5), 2},
	} {
		if got, ways := b.uncounted(c.missing); got != c.want || (got > 0) != (ways != "") {
			t.Errorf("%v: %d uncounted, want %d: %q", c.missing, got, c.want, ways)
		}
	}
}
