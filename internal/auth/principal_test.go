package auth

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// HND-13, AUT-07: anonymous sessions get all four, and an id of their own.
func TestAnonymous(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	letters := map[rune]int{}
	for range 10_000 {
		p := Anonymous(r.Uint64)
		if p.AuthRole != RoleAnonymous || p.AuthMethod != MethodAnonymous || p.AuthProvider != ProviderStatic {
			t.Fatalf("incomplete: %+v", p)
		}
		if len(p.AuthID) != authIDLen || seen[p.AuthID] {
			t.Fatalf("id %q is short or not new", p.AuthID)
		}
		seen[p.AuthID] = true
		for _, c := range p.AuthID {
			letters[c]++
		}
	}
	if len(letters) != len(authIDAlphabet) {
		t.Errorf("%d letters are in use, want %d", len(letters), len(authIDAlphabet))
	}
	for c, n := range letters {
		if !strings.ContainsRune(authIDAlphabet, c) || n < 4000 || n > 6000 { // 5000 expected, standard deviation 70
			t.Errorf("letter %q came %d times", c, n)
		}
	}
}

func TestAnonymousDependsOnChanceAlone(t *testing.T) {
	a := Anonymous(rand.New(rand.NewPCG(3, 4)).Uint64)
	b := Anonymous(rand.New(rand.NewPCG(3, 4)).Uint64)
	if a != b {
		t.Errorf("same seed, other principal: %+v, %+v", a, b)
	}
}
