//go:build race

package node

// raced says that the race detector is on, under which tests do less.
const raced = true
