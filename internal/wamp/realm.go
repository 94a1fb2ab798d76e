package wamp

import "strings"

// anyComponent stands for any one component of a realm's name.
const anyComponent = "*"

// realmNameMax bounds the name of a realm that a template makes, in bytes.
const realmNameMax = 255

// IsRealmTemplate says whether a name stands for realms that are made on demand: at least one of its components is "*".
func IsRealmTemplate(name string) bool {
	for c := range strings.SplitSeq(name, ".") {
		if c == anyComponent {
			return true
		}
	}
	return false
}

// RealmFits says whether a realm of that name is made by the pattern, in which a component "*" stands for any one component. A name that
// has such a component itself is not: it would look like a template.
func RealmFits(pattern, name string) bool {
	if len(name) > realmNameMax || IsRealmTemplate(name) || !ValidURI([]byte(name), Exact, false) {
		return false
	}
	for {
		p, morePattern, more := strings.Cut(pattern, ".")
		n, moreName, moreOfName := strings.Cut(name, ".")
		if p != anyComponent && p != n || more != moreOfName {
			return false
		}
		if !more {
			return true
		}
		pattern, name = morePattern, moreName
	}
}
