package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"kleeblatt/chaos/raw"
	"kleeblatt/chaos/scenario"
)

// Book is all that a folder has.
type Book struct {
	Chapters []*Chapter
	Void     []*raw.Run // that do not count
}

// Chapter is a scenario.
type Chapter struct {
	Spec   *scenario.Spec
	Tables []*Table
}

// Table is a scenario at one length and number of nodes.
type Table struct {
	Spec   *scenario.Spec
	Length string
	Nodes  int
	Cells  []*Cell // in the scenario's order of systems
}

// Cell is a system in a table: the runs that count.
type Cell struct {
	System string
	Nodes  int
	Runs   []*raw.Run
}

// Value is a figure over the runs of a cell.
type Value struct {
	Name, Unit          string
	Median, Least, Most float64
	Runs, Count         int // Count: out of how many, of the first run
}

// Load reads a folder.
func Load(dir string) (*Book, error) {
	runs, err := raw.ReadAll(dir)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("there are no raw files in %s", dir)
	}
	return Bind(runs), nil
}

// Bind orders runs.
func Bind(runs []*raw.Run) *Book {
	b := &Book{}
	for _, s := range scenario.All {
		c := &Chapter{Spec: s}
		for _, r := range runs {
			if r.Header.Scenario == s.ID {
				if r.Counts() {
					c.add(r)
				} else {
					b.Void = append(b.Void, r)
				}
			}
		}
		if len(c.Tables) > 0 {
			c.order()
			b.Chapters = append(b.Chapters, c)
		}
	}
	return b
}

// add puts a run into its cell. Systems that have but one number of nodes are put beside the others when all are there.
func (c *Chapter) add(r *raw.Run) {
	h := &r.Header
	i := slices.IndexFunc(c.Tables, func(t *Table) bool { return t.Length == h.Length && t.Nodes == h.Nodes })
	if i < 0 {
		i = len(c.Tables)
		c.Tables = append(c.Tables, &Table{Spec: c.Spec, Length: h.Length, Nodes: h.Nodes})
	}
	t := c.Tables[i]
	j := slices.IndexFunc(t.Cells, func(x *Cell) bool { return x.System == h.System })
	if j < 0 {
		j = len(t.Cells)
		t.Cells = append(t.Cells, &Cell{System: h.System, Nodes: h.Nodes})
	}
	t.Cells[j].Runs = append(t.Cells[j].Runs, r)
}

// order sorts the tables, full runs first, and merges those of one node into the others of their length.
func (c *Chapter) order() {
	slices.SortFunc(c.Tables, func(a, b *Table) int {
		return cmp.Or(cmp.Compare(a.Length, b.Length), cmp.Compare(a.Nodes, b.Nodes))
	})
	for _, t := range c.Tables {
		for _, o := range c.Tables {
			if o.Length != t.Length || o.Nodes == t.Nodes || t.Nodes == 1 {
				continue
			}
			for _, x := range o.Cells {
				if o.Nodes == 1 && !t.has(x.System) {
					t.Cells = append(t.Cells, x)
				}
			}
		}
	}
	c.Tables = slices.DeleteFunc(c.Tables, func(t *Table) bool {
		return t.Nodes == 1 && slices.ContainsFunc(c.Tables, func(o *Table) bool { return o.Length == t.Length && o.Nodes > 1 && o.hasAll(t) })
	})
	for _, t := range c.Tables {
		slices.SortStableFunc(t.Cells, func(a, b *Cell) int { return cmp.Compare(rank(c.Spec, a.System), rank(c.Spec, b.System)) })
	}
}

func (t *Table) has(system string) bool {
	return slices.ContainsFunc(t.Cells, func(x *Cell) bool { return x.System == system })
}

// hasAll says that all cells of the other table are in this one too: not only cells of the same systems, which may have had other nodes.
func (t *Table) hasAll(o *Table) bool {
	return !slices.ContainsFunc(o.Cells, func(x *Cell) bool { return !slices.Contains(t.Cells, x) })
}

// rank puts a reader's own systems last.
func rank(s *scenario.Spec, system string) int {
	if i := slices.Index(s.Systems, system); i >= 0 {
		return i
	}
	return len(s.Systems)
}

// Names are the figures of a table, in the order in which runs have them.
func (t *Table) Names() (names []string) {
	for _, c := range t.Cells {
		for _, r := range c.Runs {
			for _, row := range r.Rows {
				if row.Kind == raw.Figure && !slices.Contains(names, row.Name) {
					names = append(names, row.Name)
				}
			}
		}
	}
	return names
}

// Cell is that of a system, nil where there is none.
func (t *Table) Cell(system string) *Cell {
	for _, c := range t.Cells {
		if c.System == system {
			return c
		}
	}
	return nil
}

// Value is a figure of the cell, over its runs.
func (c *Cell) Value(name string) (v Value, ok bool) {
	var all []float64
	for _, r := range c.Runs {
		if row, found := r.Figure(name); found {
			if len(all) == 0 {
				v = Value{Name: name, Unit: row.Unit, Count: row.Count}
			}
			all = append(all, row.Value)
		}
	}
	if len(all) == 0 {
		return v, false
	}
	slices.Sort(all)
	v.Runs, v.Least, v.Most = len(all), all[0], all[len(all)-1]
	v.Median = all[(len(all)-1)/2] // the lower one of two: it was measured
	return v, true
}

// String is a value for people: 99.2 (98.7..99.5).
func (v Value) String() string {
	if v.Runs < 2 || v.Least == v.Most {
		return Number(v.Median)
	}
	return fmt.Sprintf("%s (%s..%s)", Number(v.Median), Number(v.Least), Number(v.Most))
}

// Number is a number with four significant digits, thousands apart.
func Number(v float64) string {
	if v == 0 {
		return "0"
	}
	places := min(max(3-int(math.Floor(math.Log10(math.Abs(v)))), 0), 6)
	s := strconv.FormatFloat(v, 'f', places, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		return whole + "." + rest
	}
	return whole
}
