package config

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong.
type Problem struct {
	Line int    // of the file; 0 for the command line
	At   string // file:line, or the flag
	Text string
}

func (p Problem) String() string { return p.At + ": " + p.Text }

// Problems is everything that is wrong with a configuration; never empty as an error. The command line's come first, then the
// file's by line.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, 0, len(ps)+1)
	if len(ps) > 1 {
		lines = append(lines, strconv.Itoa(len(ps))+" problems:")
	}
	for _, p := range ps {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n  ")
}

func (ps Problems) sorted() Problems {
	sort.SliceStable(ps, func(i, j int) bool { return ps[i].Line < ps[j].Line })
	return ps
}

// place is where a value comes from.
type place struct {
	file string
	line int    // > 0: in the file
	flag string // else the flag, or the key of a default
}

func (p place) String() string {
	if p.line > 0 {
		return p.file + ":" + strconv.Itoa(p.line)
	}
	return p.flag
}

// assignment is one value for one option.
type assignment struct {
	opt   *option
	value string
	at    place
	empty bool // no value: the list is to be empty
}

// parser gathers what is wrong.
type parser struct {
	env      env
	config   Config
	at       map[string][]place // by key: where its values came from, in order
	rolesAt  map[string]place   // where the rules of each role stand
	problems Problems

	authenticatorsAt []place
	realmLimits      map[string]SessionLimits
}

func newParser(e env) *parser {
	return &parser{env: e, at: map[string][]place{}, realmLimits: map[string]SessionLimits{}}
}

func (p *parser) fail(at place, format string, a ...any) {
	p.problems = append(p.problems, Problem{Line: at.line, At: at.String(), Text: fmt.Sprintf(format, a...)})
}

// where is the place of a key's i-th value; of a default, the flag that would change it.
func (p *parser) where(key string, i int) place {
	if places := p.at[key]; i < len(places) {
		return places[i]
	}
	return place{flag: "--" + find(key).flag()}
}

// didYouMean suggests the nearest of the names, or nothing.
func didYouMean(word string, names []string) string {
	best, bestAt := 3, -1 // more than two letters off is no slip of the finger
	for i, n := range names {
		if d := distance(word, n); d < best {
			best, bestAt = d, i
		}
	}
	if bestAt < 0 {
		return ""
	}
	return "; did you mean " + names[bestAt] + "?"
}

// distance is Levenshtein's. Words longer than any option are far from all.
func distance(a, b string) int {
	const wordMax = 64
	if len(a) > wordMax || len(b) > wordMax {
		return wordMax
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
