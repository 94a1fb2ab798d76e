package wamp

import (
	"strings"
	"testing"
)

func TestRealmFits(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		fits          bool
	}{
		{"tenant.*", "tenant.a", true},
		{"tenant.*", "tenant.Ä-1", true},
		{"tenant.*", "tenant", false},
		{"tenant.*", "tenant.", false},
		{"tenant.*", "tenant.a.b", false},
		{"tenant.*", "tenants.a", false},
		{"tenant.*", "tenant.*", false},
		{"tenant.*", "tenant.a b", false},
		{"tenant.*", "tenant." + strings.Repeat("a", realmNameMax), false},
		{"*", "a", true},
		{"*", "a.b", false},
		{"*.prod", "a.prod", true},
		{"*.prod", "a.test", false},
		{"a.*.c.*", "a.b.c.d", true},
		{"a.*.c.*", "a.b.x.d", false},
		{"a*b.*", "a*b.c", true},
	} {
		if got := RealmFits(c.pattern, c.name); got != c.fits {
			t.Errorf("%s for %s: %t", c.pattern, c.name, got)
		}
	}
}
