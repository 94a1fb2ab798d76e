package report

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"kleeblatt/chaos/raw"
)

// plots are the pictures of a table: what was tried over time, curves, memory over time.
func (t *Table) plots() (all []*Plot) {
	all = append(all, t.timelines()...)
	all = append(all, t.curves()...)
	if t.Spec.Memory {
		all = append(all, t.memory())
	}
	return all
}

// timelines show, for each kind of attempt, the share that succeeded over time, in the first run of each system.
func (t *Table) timelines() (all []*Plot) {
	kinds := map[string]bool{}
	for _, c := range t.Cells {
		for _, r := range c.Runs[0].Rows {
			if r.Kind == raw.Attempt {
				kinds[r.What] = true
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(kinds)) {
		p := &Plot{
			Title: what + ": share that succeeded", X: "time since the load began (s)", Y: "% of those due", Top: 100, Steps: true,
			Note: "The first run of each system; what never came counts as failed.",
		}
		for _, c := range t.Cells {
			if l := timeline(c.Runs[0], what); len(l) > 1 {
				p.Lines = append(p.Lines, line(c, l))
			}
		}
		t.mark(p)
		all = append(all, p)
	}
	return all
}

// mark notes when a fault began or ended in the first run of any system; those within a second are one.
func (t *Table) mark(p *Plot) {
	for _, c := range t.Cells {
		for _, r := range c.Runs[0].Rows {
			if r.Kind == raw.Fault && r.What != "start" && r.What != "complete" && !slices.ContainsFunc(p.Marks, func(at float64) bool { return math.Abs(at-r.T) < 1 }) {
				p.Marks = append(p.Marks, r.T)
			}
		}
	}
	if len(p.Marks) > 0 {
		p.Marked = "a fault begins or ends"
	}
}

// binsMax is how many points a timeline has.
const binsMax = 60

// timeline is the share of good attempts per bin of time.
func timeline(r *raw.Run, what string) (points [][2]float64) {
	width := max(r.Header.Seconds/binsMax, 1)
	good, all := map[int]int{}, map[int]int{}
	for _, row := range r.Rows {
		if row.Kind == raw.Attempt && row.What == what {
			bin := int(row.T / width)
			all[bin]++
			if row.OK {
				good[bin]++
			}
		}
	}
	bins := slices.Sorted(maps.Keys(all))
	for _, b := range bins {
		points = append(points, [2]float64{float64(b) * width, 100 * float64(good[b]) / float64(all[b])})
	}
	if n := len(points); n > 0 {
		points = append(points, [2]float64{float64(bins[n-1]+1) * width, points[n-1][1]})
	}
	return points
}

func line(c *Cell, points [][2]float64) Line {
	return Line{Name: c.label(), Class: "s-" + c.System, Points: points}
}

func (c *Cell) label() string {
	if c.Nodes == 1 {
		return c.System + " (1 node)"
	}
	return c.System
}

// curves are those that runs have made themselves, of the first run of each system.
func (t *Table) curves() (all []*Plot) {
	for _, c := range t.Cells {
		points := map[string][][2]float64{}
		for _, r := range c.Runs[0].Rows {
			if r.Kind != raw.Point {
				continue
			}
			i := slices.IndexFunc(all, func(p *Plot) bool { return p.Title == r.Name })
			if i < 0 {
				all = append(all, &Plot{Title: r.Name, X: r.Unit, Y: r.What, LogX: true, Dots: true})
			}
			points[r.Name] = append(points[r.Name], [2]float64{r.X, r.Value})
		}
		for _, p := range all {
			if l := points[p.Title]; len(l) > 0 {
				p.Lines = append(p.Lines, line(c, l))
			}
		}
	}
	return all
}

// memory shows the sum over all nodes.
func (t *Table) memory() *Plot {
	p := &Plot{Title: "memory of all nodes together", X: "time since the load began (s)", Y: "resident (MiB)", Note: "The first run of each system."}
	for _, c := range t.Cells {
		var points [][2]float64
		for _, r := range c.Runs[0].Rows {
			if r.Kind == raw.Sample {
				points = append(points, [2]float64{r.T, float64(r.RSS) / (1 << 20)})
			}
		}
		if len(points) > 1 {
			p.Lines = append(p.Lines, line(c, points))
		}
	}
	return p
}

// sweeps show figures over the number of nodes, one line per system.
func (c *Chapter) sweeps() (all []*Plot) {
	for _, name := range c.Spec.Sweeps {
		for _, length := range []string{raw.Full, raw.Short} {
			if p := c.sweep(name, length); p != nil {
				all = append(all, p)
				break
			}
		}
	}
	return all
}

func (c *Chapter) sweep(name, length string) *Plot {
	p := &Plot{Title: name, X: "nodes", Dots: true, Note: fmt.Sprintf("Medians of the %s runs.", length)}
	points := map[string][][2]float64{}
	var order []*Cell
	for _, t := range c.Tables {
		if t.Length != length {
			continue
		}
		for _, x := range t.Cells {
			v, ok := x.Value(name)
			if !ok || slices.ContainsFunc(points[x.System], func(o [2]float64) bool { return o[0] == float64(x.Nodes) }) {
				continue
			}
			p.Y = v.Unit
			if points[x.System] == nil {
				order = append(order, x)
			}
			points[x.System] = append(points[x.System], [2]float64{float64(x.Nodes), v.Median})
		}
	}
	several := false
	for _, x := range order {
		several = several || len(points[x.System]) > 1
		p.Lines = append(p.Lines, Line{Name: x.System, Class: "s-" + x.System, Points: points[x.System]})
	}
	if !several {
		return nil
	}
	return p
}
