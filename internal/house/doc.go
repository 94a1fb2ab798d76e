// Package house holds the house rules as tests: what may import what, what a pure room may not touch, and how the tree and
// its files look. It has no code of its own and nothing imports it.
//
//	arrows_test.go   a room imports only the rooms and the third parties that its row names
//	pure_test.go     no clock, goroutine, lock, logger or global chance in the pure rooms
//	tree_test.go     top level, doc.go and package comment, length of files, words that do not belong
//	deps_test.go     the packages linked into the product, against testdata/deps.txt
//
// A rule that stands in the way of a good change is changed here, in the same commit and with its reason; a room is never
// silently made an exception. After a change of the product's imports:
//
//	go test ./internal/house -run Deps -rewrite
package house
