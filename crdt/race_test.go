//go:build race

package crdt

// underRace: the race detector makes everything ten times slower, so what is only large is made smaller.
const underRace = true
