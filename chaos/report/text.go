package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"kleeblatt/chaos/raw"
)

// method is what holds for all scenarios.
var method = []string{
	"Every system gets the same clients, the same load and the same time. Nodes are real processes on one machine, clients come over sockets. The cells of one round follow each other, so that what changes on the machine meets all systems; the next repeat begins when all had their turn.",
	"Nothing is measured before a cluster is complete: every node ready, with Raft every vote given, and an event from each node seen at each other one. What that took is the cold start.",
	"What was due and did not happen counts as failed: a client that gets no session fails with all that it was to do in it. Events count where they arrive. A run in which a client did not report is void.",
	"Every node may be killed. The first kill hits the first node, which founded the cluster, the others follow in an order drawn from the seed. A killed node is started again after 1 s, and the next kill waits until the cluster is complete again (20 s at most), so that Raft is not charged for votes that it could not give back yet.",
	"Clients find nodes as behind a load balancer: they try them in random order, and a closed port costs nothing.",
	"The load average before the run tells what else the machine had to do: above 0.5 or so, times and rates of that run are those of a machine that is shared.",
	"Raft is hashicorp/raft behind the seam that gossip stands behind otherwise: sessions, broker, dealer, transport, links and failure detection are the same code. `raft` has the library's timeouts, `raft-lan` such for a LAN, `raft-paper` is a re-implementation of the 2019 design (sessions in the log, node 0 the gateway, messages flooded, no join barrier), not that code. Logs are in memory.",
	"A number is the median of the runs; behind it stand the least and the greatest one. Of an even number of runs the median is the lower one of the two in the middle. Absolute figures are of this machine; what holds elsewhere is how the systems compare.",
}

// Markdown is the report as text.
func (b *Book) Markdown() []byte {
	var s strings.Builder
	s.WriteString("# Results\n\nMade by `kleeblatt-chaos report` from raw files; nothing in it is written by hand. Each number is a figure of such a file, or the median, least or greatest of several.\n")
	s.WriteString("\n## In short\n\n| claim | verdict | why |\n|---|---|---|\n")
	for _, v := range b.Verdicts() {
		fmt.Fprintf(&s, "| **%s** %s | **%s** | %s |\n", v.ID, v.Claim, v.Says, v.Why)
	}
	s.WriteString("\n### Where Raft is the better choice\n\n")
	for _, line := range b.raftWins() {
		fmt.Fprintf(&s, "- %s\n", line)
	}
	s.WriteString("\n## Method\n\n")
	for _, line := range method {
		fmt.Fprintf(&s, "- %s\n", line)
	}
	s.WriteString("\n## Where and what\n\n")
	for _, line := range b.facts() {
		fmt.Fprintf(&s, "- %s\n", line)
	}
	for _, c := range b.Chapters {
		c.markdown(&s)
	}
	s.WriteString("\n## What is not here\n\n")
	for _, line := range b.gaps() {
		fmt.Fprintf(&s, "- %s\n", line)
	}
	return []byte(s.String())
}

func (c *Chapter) markdown(s *strings.Builder) {
	fmt.Fprintf(s, "\n## %s: %s\n\n%s Load: %s.\n", c.Spec.ID, c.Spec.Title, c.Spec.Asks, c.Spec.Offered)
	for _, t := range c.Tables {
		fmt.Fprintf(s, "\n**%s**\n\n| |", t.heading())
		for _, x := range t.Cells {
			fmt.Fprintf(s, " %s |", x.label())
		}
		s.WriteString("\n|---" + strings.Repeat("|---:", len(t.Cells)) + "|\n")
		for _, row := range t.rows() {
			fmt.Fprintf(s, "| %s |", row[0])
			for _, cell := range row[1:] {
				fmt.Fprintf(s, " %s |", cell)
			}
			s.WriteString("\n")
		}
	}
}

// heading says what the runs of a table were.
func (t *Table) heading() string {
	least, most := 0, 0
	var seconds float64
	for i, c := range t.Cells {
		n := len(c.Runs)
		if i == 0 || n < least {
			least = n
		}
		most = max(most, n)
		seconds = c.Runs[0].Header.Seconds
	}
	runs := fmt.Sprint(most)
	if least != most {
		runs = fmt.Sprintf("%d to %d", least, most)
	}
	return fmt.Sprintf("%s, %s of %s s each, %s", plural(t.Nodes, "node"), runsOf(runs), Number(seconds), t.Length)
}

func runsOf(n string) string {
	if n == "1" {
		return "1 run"
	}
	return n + " runs"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// rows are the table's lines: the figure's name with its unit, then a value per system.
func (t *Table) rows() (rows [][]string) {
	for _, name := range t.Names() {
		row := []string{name}
		for _, c := range t.Cells {
			v, ok := c.Value(name)
			if !ok {
				row = append(row, "–")
				continue
			}
			if v.Unit != "" {
				row[0] = fmt.Sprintf("%s (%s)", name, v.Unit)
			}
			row = append(row, v.String())
		}
		rows = append(rows, row)
	}
	return rows
}

// each calls f for all runs that count.
func (b *Book) each(f func(*raw.Run)) {
	for _, c := range b.Chapters {
		seen := map[*raw.Run]bool{}
		for _, t := range c.Tables {
			for _, x := range t.Cells {
				for _, r := range x.Runs {
					if !seen[r] {
						seen[r] = true
						f(r)
					}
				}
			}
		}
	}
}

// facts are machine, commits, seeds and versions.
func (b *Book) facts() (lines []string) {
	machines, commits, versions, pins := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	seeds := map[uint64]bool{}
	runs := 0
	b.each(func(r *raw.Run) {
		h := &r.Header
		m := h.Machine
		machines[fmt.Sprintf("%s, %s GiB, %s, Linux %s, %s, %s", plural(m.Processors, "processor"), Number(float64(m.Memory>>20)/1024), m.Model, m.Kernel, m.OS, m.Go)] = true
		commits[h.Commit] = true
		versions[fmt.Sprintf("`%s`: %s (%s)", h.System, h.About, h.Version)] = true
		seeds[h.Seed] = true
		pins[h.Pinned] = true
		runs++
	})
	list := func(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), "; ") }
	var numbers []string
	for _, n := range slices.Sorted(maps.Keys(seeds)) {
		numbers = append(numbers, fmt.Sprint(n))
	}
	lines = append(lines,
		"Machine: "+list(machines)+".", "Commit: "+list(commits)+".", "Seeds: "+strings.Join(numbers, ", ")+" (a run's number).",
		fmt.Sprintf("Runs: %d that count, %d that do not.", runs, len(b.Void)), "Processors: "+list(pins)+".")
	if n := b.beside(); n > 0 {
		lines = append(lines, fmt.Sprintf("%d runs took place while another one did, so their times are those of a machine that is shared; shares that succeeded within 1 s suffer little from that.", n))
	}
	if n := b.unknown(); n > 0 {
		lines = append(lines, fmt.Sprintf("Of %d runs it is not known what else the machine had to do.", n))
	}
	for _, v := range slices.Sorted(maps.Keys(versions)) {
		lines = append(lines, v+".")
	}
	return lines
}

// beside counts the runs that overlap another one.
func (b *Book) beside() (n int) {
	var all []*raw.Run
	b.each(func(r *raw.Run) { all = append(all, r) })
	for _, r := range all {
		if slices.ContainsFunc(all, func(o *raw.Run) bool {
			return o != r && o.Header.Began.Before(r.Ends()) && r.Header.Began.Before(o.Ends())
		}) {
			n++
		}
	}
	return n
}

// unknown counts the runs that do not say how busy the machine was.
func (b *Book) unknown() (n int) {
	b.each(func(r *raw.Run) {
		if _, ok := r.Figure("load average before the run"); !ok {
			n++
		}
	})
	return n
}

// gaps says what was not run, or does not count.
func (b *Book) gaps() (lines []string) {
	for _, c := range b.Chapters {
		for _, system := range c.Spec.Systems {
			if !slices.ContainsFunc(c.Tables, func(t *Table) bool { return t.has(system) }) {
				lines = append(lines, fmt.Sprintf("%s: no run of `%s` that counts.", c.Spec.ID, system))
			}
		}
		var full []string
		for _, n := range c.Spec.Nodes {
			if !slices.ContainsFunc(c.Tables, func(t *Table) bool { return t.Length == raw.Full && t.Nodes == n }) {
				full = append(full, fmt.Sprint(n))
			}
		}
		if len(full) > 0 {
			lines = append(lines, fmt.Sprintf("%s: no full run with %s nodes; what stands here for them, if anything, is short.", c.Spec.ID, strings.Join(full, ", ")))
		}
	}
	for _, s := range b.absent() {
		lines = append(lines, fmt.Sprintf("%s (%s) was not run.", s.ID, s.Title))
	}
	for _, r := range b.Void {
		why := r.Void
		if !r.Done {
			why = "it was broken off"
		}
		lines = append(lines, fmt.Sprintf("`%s` does not count: %s.", r.File, why))
	}
	if len(lines) == 0 {
		lines = append(lines, "Nothing: all cells of the matrix were run in full length.")
	}
	return lines
}
