package systems

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed *.yaml
var known embed.FS

// NodesMax bounds a cluster: each node is a process on this machine.
const NodesMax = 16

// whatTime bounds the question for a version: an interpreted program needs seconds to load.
const whatTime = 30 * time.Second

// System says how a router is started. In Command, Join, URL, Ready and Files these words are replaced for node i of n, counted from 0:
// {program} {i} {n} {dir} (the node's own folder, kept over restarts), {voters} (5 of 5 nodes or more, else 3), {host} (its address, 127.0.0.1
// but in a [Net]) and the node's own ports {port} {gossip} {link} {admin} {status}. An element of Command that is just {join} becomes all of Join once for each node that it joins, with
// that node's words.
//
// Whom a node joins stands in First for its first start, in Again for all later ones: element i is for node i, the last one for all
// further nodes, and each is "others" or "nobody". Without a list all join the others.
type System struct {
	Name    string            `yaml:"name"`
	About   string            `yaml:"about"`
	Program string            `yaml:"program"` // beside this program, else on PATH
	Install string            `yaml:"install"` // what a reader does to have it
	Command []string          `yaml:"command"`
	Join    []string          `yaml:"join"`
	First   []string          `yaml:"first"`
	Again   []string          `yaml:"again"`
	URL     string            `yaml:"url"`
	Realm   string            `yaml:"realm"`
	Ready   string            `yaml:"ready"`   // an HTTP address that answers 200; "": a client gets a session
	Settled string            `yaml:"settled"` // an HTTP address that answers 200 once the node has the part in the cluster that it is to have
	Nodes   int               `yaml:"nodes"`   // the only number of nodes that it has; 0: any
	Version []string          `yaml:"version"`
	Pattern string            `yaml:"what"`  // a regular expression for what Version prints; "": its first line
	Files   map[string]string `yaml:"files"` // written into {dir} before the first start

	path string         // of Program
	what *regexp.Regexp // Pattern
}

// ErrMissing says that a system's program is not on this machine.
var ErrMissing = errors.New("not installed")

// Names are the systems that come with this program.
func Names() []string {
	entries, _ := fs.Glob(known, "*.yaml")
	for i := range entries {
		entries[i] = strings.TrimSuffix(entries[i], ".yaml")
	}
	return entries
}

// Load reads a system by its name, or from a file whose name ends in .yaml.
func Load(name string) (*System, error) {
	var text []byte
	var err error
	if strings.HasSuffix(name, ".yaml") {
		text, err = os.ReadFile(name)
	} else if text, err = known.ReadFile(name + ".yaml"); err != nil {
		err = fmt.Errorf("there is no system %q: it is one of %s, or a .yaml file", name, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// Parse reads a system's file. Words that it does not know are errors.
func Parse(text []byte) (*System, error) {
	var s System
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		return nil, err
	}
	for what, missing := range map[string]bool{
		"name": s.Name == "", "program": s.Program == "", "command": len(s.Command) == 0, "url": s.URL == "", "realm": s.Realm == "",
	} {
		if missing {
			return nil, fmt.Errorf("a system needs a %s", what)
		}
	}
	for _, whom := range append(append([]string(nil), s.First...), s.Again...) {
		if whom != others && whom != nobody {
			return nil, fmt.Errorf("a node joins %q: %s or %s", whom, others, nobody)
		}
	}
	var err error
	if s.what, err = regexp.Compile(s.Pattern); err != nil {
		return nil, fmt.Errorf("what: %w", err)
	}
	if s.Nodes < 0 || s.Nodes > NodesMax {
		return nil, fmt.Errorf("nodes: %d is not from 0 to %d", s.Nodes, NodesMax)
	}
	for name := range s.Files {
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("file %q would not be in the node's folder", name)
		}
	}
	return &s, nil
}

// Find looks for the program; the error is [ErrMissing] where there is none.
func (s *System) Find() error {
	if me, err := os.Executable(); err == nil && !strings.ContainsRune(s.Program, filepath.Separator) {
		if path := filepath.Join(filepath.Dir(me), s.Program); isProgram(path) {
			s.path = path
			return nil
		}
	}
	path, err := exec.LookPath(s.Program)
	if err != nil {
		return fmt.Errorf("%s: %w (%s)", s.Name, ErrMissing, s.Install)
	}
	s.path, err = filepath.Abs(path)
	return err
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// Path is the program's file, once found.
func (s *System) Path() string { return s.path }

// What the program says that it is: what Pattern finds, else its first line, or "unknown". The program gets 30 s.
func (s *System) What() string {
	if len(s.Version) == 0 {
		return "unknown"
	}
	ctx, cancel := context.WithTimeout(context.Background(), whatTime)
	defer cancel()
	words := fill(s.Version, strings.NewReplacer("{program}", s.path))
	out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return "unknown"
	}
	if s.Pattern != "" {
		if found := s.what.Find(out); len(found) > 0 {
			return string(found)
		}
		return "unknown"
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return "unknown"
}

// place is where one node lives.
type place struct {
	dir, host                         string
	port, gossip, link, admin, status int
}

func (s *System) words(i, n int, p place) *strings.Replacer {
	voters := "3"
	if n >= 5 {
		voters = "5"
	}
	return strings.NewReplacer("{program}", s.path, "{i}", strconv.Itoa(i), "{n}", strconv.Itoa(n), "{dir}", p.dir, "{voters}", voters,
		"{host}", p.host, "{status}", strconv.Itoa(p.status), "{port}", strconv.Itoa(p.port), "{gossip}", strconv.Itoa(p.gossip), "{link}", strconv.Itoa(p.link), "{admin}", strconv.Itoa(p.admin))
}

// The words of First and Again.
const others, nobody = "others", "nobody"

// joins says whether node i joins the others.
func (s *System) joins(i int, again bool) bool {
	list := s.First
	if again {
		list = s.Again
	}
	return len(list) == 0 || list[min(i, len(list)-1)] == others
}

// command is how node i is started: for the first time, or again.
func (s *System) command(i int, places []place, again bool) (words []string) {
	own := s.words(i, len(places), places[i])
	for _, w := range s.Command {
		if w != "{join}" {
			words = append(words, own.Replace(w))
			continue
		}
		for j := range places {
			if j != i && s.joins(i, again) {
				words = append(words, fill(s.Join, s.words(j, len(places), places[j]))...)
			}
		}
	}
	return words
}

func fill(words []string, with *strings.Replacer) (filled []string) {
	for _, w := range words {
		filled = append(filled, with.Replace(w))
	}
	return filled
}
