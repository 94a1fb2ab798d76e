package crdt_test

import (
	"fmt"

	"kleeblatt/crdt"
)

// A node's part and its copy on another node.
func Example() {
	own := crdt.NewPart(crdt.Life{Epoch: 1, Nonce: 42})
	_, _ = own.Add("com.example.a")
	_, _ = own.Add("com.example.b")
	own.Remove("com.example.a")

	far := crdt.NewPart(own.Life())
	delta, _ := own.Delta(far.Version(), 64<<10)
	changes, _ := far.Apply(&delta, nil)
	for _, c := range changes {
		fmt.Println(c.Add, c.Element)
	}
	fmt.Println(far.Version(), far.Len(), far.Hash() == own.Hash())
	// Output:
	// true com.example.a
	// true com.example.b
	// false com.example.a
	// 3 1 true
}
