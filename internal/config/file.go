package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	yamlparser "github.com/goccy/go-yaml/parser"
)

// fileMax bounds the file, in bytes: a configuration of a hundred options does not need a mebibyte.
const fileMax = 1 << 20

// file reads YAML: one mapping of keys to a value or a list of values, limits and cluster to mappings of their own.
func (p *parser) file(name string, text []byte) (out []assignment) {
	f, err := yamlparser.ParseBytes(text, 0, yamlparser.AllowDuplicateMapKey())
	if err != nil {
		at := place{file: name, line: 1}
		text := err.Error()
		var y yaml.Error
		if errors.As(err, &y) {
			text = y.GetMessage()
			if tok := y.GetToken(); tok != nil && tok.Position != nil {
				at.line = max(1, tok.Position.Line)
			}
		}
		p.fail(at, "this is no YAML: %s", text)
		return nil
	}
	r := yamlReader{p: p, name: name}
	docs := 0
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if docs++; docs > 1 {
			p.fail(r.at(d.Body), "a second document is not expected")
			break
		}
		r.mapping("", d.Body)
	}
	return r.out
}

// yamlReader makes assignments of a tree.
type yamlReader struct {
	p    *parser
	name string
	out  []assignment
}

func (r *yamlReader) at(n ast.Node) place {
	line := 1
	if t := n.GetToken(); t != nil && t.Position != nil {
		line = max(1, t.Position.Line)
	}
	return place{file: r.name, line: line}
}

// mapping reads the keys below prefix.
func (r *yamlReader) mapping(prefix string, n ast.Node) {
	m, ok := n.(ast.MapNode)
	if !ok {
		if _, comment := n.(*ast.CommentGroupNode); !comment {
			r.p.fail(r.at(n), "%skeys with values are needed here", prefix)
		}
		return
	}
	seen := map[string]place{}
	for it := m.MapRange(); it.Next(); {
		k, at := r.key(it.KeyValue())
		if k == "" {
			continue
		}
		if first, twice := seen[k]; twice {
			r.p.fail(at, "%s%s is given twice, first in line %d", prefix, k, first.line)
			continue
		}
		seen[k] = at
		r.entry(prefix+k, at, it.Value())
	}
}

// key is the text of a plain key, "" after it was reported.
func (r *yamlReader) key(kv *ast.MappingValueNode) (string, place) {
	at := r.at(kv.Key)
	if s, ok := scalar(kv.Key); ok {
		return s, at
	}
	r.p.fail(at, "a key has to be a word")
	return "", at
}

func (r *yamlReader) entry(key string, at place, n ast.Node) {
	if slices.Contains(sections, key) {
		if _, null := n.(*ast.NullNode); !null {
			r.mapping(key+".", n)
		}
		return
	}
	if key == realmsKey {
		r.realms(at, n)
		return
	}
	if key == usersKey {
		r.users(at, n)
		return
	}
	if key == authenticatorKey {
		r.authenticators(at, n)
		return
	}
	if key == rolesKey {
		r.roles(at, n)
		return
	}
	opt := find(key)
	if opt == nil {
		r.p.fail(at, "there is no key %s%s", key, didYouMean(key, keyNames()))
		return
	}
	if seq, ok := n.(*ast.SequenceNode); ok {
		if !opt.list {
			r.p.fail(at, "%s takes one value, not a list", key)
			return
		}
		if len(seq.Values) == 0 {
			r.out = append(r.out, assignment{opt: opt, at: at, empty: true})
		}
		for _, v := range seq.Values {
			r.value(opt, r.at(v), v)
		}
		return
	}
	r.value(opt, at, n)
}

func (r *yamlReader) value(opt *option, at place, n ast.Node) {
	if s, ok := scalar(n); ok {
		r.out = append(r.out, assignment{opt: opt, value: s, at: at})
		return
	}
	switch n := n.(type) {
	case *ast.NullNode:
		r.p.fail(at, "%s has no value", opt.key)
	case ast.MapNode:
		if opt.key == "realm" {
			r.realm("", at, n)
			return
		}
		r.p.fail(at, "%s takes a value, not keys of its own", opt.key)
	default:
		r.p.fail(at, "%s: a plain value is needed here, without anchors, aliases or tags", opt.key)
	}
}

// scalar is the text of a plain or quoted value.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.BoolNode:
		return strconv.FormatBool(n.Value), true
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func keyNames() []string {
	names := append(slices.Clone(sections), realmsKey, usersKey, rolesKey, authenticatorKey)
	for i := range options {
		names = append(names, options[i].key)
	}
	return names
}
