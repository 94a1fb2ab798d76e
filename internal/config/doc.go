// Package config turns words and a file into the configuration of a node, and keeps what a node has to remember between its runs.
//
// There is one table of options (options.go). It is the flags of "kleeblatt serve", the keys of the YAML file and the help text:
// flag --slow-consumer is key slow_consumer; flag --limit-outbox is key outbox below limits; a flag that may be given several
// times is a list in the file. Flags win over the file, lists as a whole.
//
//	words ──► args ──┐
//	                 ├──► assignments (value, where) ──► set ──► defaults by formula ──► rules ──► Config
//	file  ──► yaml ──┘                                    └────────── problems ◄──────────┘
//
// Nothing is clamped or passed over in silence: every unknown key, bad value and broken rule is reported, all of them at once, each
// with its line. The rules are those of safety: what is open to more than this machine needs a key or authentication, or the
// word --insecure.
//
// A Config is made once and not changed afterwards. The package starts no goroutine; Data is used by one goroutine at a time.
package config
