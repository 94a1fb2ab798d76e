package wamp

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// ValidURI reports whether uri may name a topic, procedure, error or realm, or be a pattern of policy m.
//
// Loose (strict false): components, separated by dots, of any characters but white space, '#' and '.'. Strict: components of
// [0-9a-z_] only. Empty components: never with Exact; with Prefix only the last ("com.myapp." and "", which matches all);
// with Wildcard any. Text that is not UTF-8 is never valid. (basic/building_blocks.md, URIs; CONFORMANCE rows URI-01..10, A-44)
func ValidURI(uri []byte, m Match, strict bool) bool {
	allowed := uint8(looseByte)
	if strict {
		allowed = strictByte
	}
	empty := true // the component so far
	for i := 0; i < len(uri); {
		switch c := uri[i]; {
		case uriBytes[c]&allowed != 0:
			empty = false
			i++
		case c == '.':
			if empty && m != Wildcard {
				return false
			}
			empty = true
			i++
		case c >= utf8.RuneSelf && !strict:
			r, n := utf8.DecodeRune(uri[i:])
			if r == utf8.RuneError && n == 1 || unicode.IsSpace(r) {
				return false
			}
			empty = false
			i += n
		default:
			return false
		}
	}
	return !empty || m != Exact
}

const (
	looseByte  = 1 << iota // allowed in a component by the loose rule
	strictByte             // allowed in a component by the strict rule
)

// uriBytes says for each ASCII byte in which components it may stand; other bytes are looked at as runes.
var uriBytes = func() (t [256]uint8) {
	for c := range utf8.RuneSelf {
		if !unicode.IsSpace(rune(c)) && c != '#' && c != '.' {
			t[c] |= looseByte
		}
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '_' {
			t[c] |= strictByte
		}
	}
	return t
}()

var reserved = [...][]byte{[]byte("wamp."), []byte("kleeblatt.")}

// Reserved reports whether uri lies in a name space that applications may not register in or publish to: the protocol's own
// (basic/building_blocks.md, URIs: "wamp.") and this router's.
func Reserved(uri []byte) bool {
	for _, prefix := range reserved {
		if bytes.HasPrefix(uri, prefix) {
			return true
		}
	}
	return false
}
