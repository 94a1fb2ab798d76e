// Package pattern maps URI patterns to values and finds the patterns that a URI matches.
//
// A Map is persistent: With and Without return a new Map and leave the old one as it was, sharing all but the O(log n) nodes
// on the way to the change. So a reader that loaded a Map may go on with it for as long as it likes, on any goroutine, while
// the one writer makes the next.
//
//	               Map
//	   ┌────────────┼──────────────────┐
//	 exact        prefix            wildcard
//	 hamt         radix               trie
//	hash of      ""                  (root)
//	the URI      └ com.my            com ┬─── "" (any component)
//	 ┌─┴─┐         ├ app             └ myapp      └ userevent
//	...  ...       └ other.          one level a component; the
//	               one level a       children of a node in a hamt
//	               difference
//
// The hamt is a hash array mapped trie. Its hash has no seed, for equal contents must give equal structures and equal orders
// on every node and in every run. Keys with one hash are therefore easily made, on purpose: identity is always the whole key,
// and keys whose hashes are equal to the last bit lie in a radix tree, so that whoever makes them gains nothing.
//
// A Map is an immutable value; only With and Without allocate. The package imports nothing of ours but internal/wamp.
package pattern
