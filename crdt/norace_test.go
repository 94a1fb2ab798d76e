//go:build !race

package crdt

const underRace = false
