// Package pages holds an array that grows without moving what it holds: the tables of sessions, calls and subscriptions stand on it.
//
// Owner of a [Pages]: whoever holds it; there is no lock.
package pages
