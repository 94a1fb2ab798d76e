// Package stories plays the text files of a room's testdata: what is told in them is told anew by the code, and has to be the same. It is
// for tests alone.
package stories
