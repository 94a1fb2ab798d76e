package router

import (
	"fmt"
	"sync"
	"testing"
)

func TestTemplatesThatCannotBe(t *testing.T) {
	for _, patterns := range [][]string{{"a"}, {"a*"}, {"a..*"}, {"a.*", "a.*"}, {""}} {
		var ts []RealmTemplate
		for _, p := range patterns {
			ts = append(ts, RealmTemplate{Pattern: p})
		}
		if _, err := NewRealmsOf(nil, ts, 10); err == nil {
			t.Errorf("%q is taken for templates", patterns)
		}
	}
}

// Workers and the home loop may open the same realm at once; they must all get the same one, and each realm one index.
func TestRealmsAreOpenedOnce(t *testing.T) {
	realms, err := NewRealmsOf(nil, []RealmTemplate{{Pattern: "t.*"}}, 100)
	if err != nil {
		t.Fatal(err)
	}
	const workers, names = 4, 120
	opened := make([][names]*Realm, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range names {
				opened[w][i] = realms.Open(fmt.Sprint("t.", i))
			}
		})
	}
	all.Wait()
	list := realms.All()
	if len(list) != 100 {
		t.Errorf("%d realms, at most 100 were allowed", len(list))
	}
	for i, r := range list {
		if r.index != i || realms.Get(r.Name) != r {
			t.Errorf("realm %d is at %d, or another one has its name", i, r.index)
		}
	}
	for i := range names {
		for w := range workers {
			if r := opened[w][i]; r != realms.Get(fmt.Sprint("t.", i)) {
				t.Errorf("worker %d has another realm t.%d", w, i)
			}
		}
	}
}
