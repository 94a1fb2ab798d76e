//go:build race

package gossip

// underRace: the race detector makes everything ten times slower, so what is only large is made smaller.
const underRace = true
