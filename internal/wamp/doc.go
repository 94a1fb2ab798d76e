// Package wamp holds the nouns of the WAMP v2 protocol: message types, serializers, identifiers, URIs, policies, features and
// the error URIs, each with its source in the specification. It imports nothing of ours, knows no bytes on the wire and keeps
// no state: every function is a pure function of its arguments and safe on any goroutine.
//
//	message.go   numbers: message types, serializers, policies, feature bits
//	text.go      the words that stand for them on the wire, both ways
//	uri.go       which byte strings are URIs, and whose they are
//	feature.go   what a peer announced, and what this router announces
//	errors.go    the error and close URIs
//
// The arrows all point here:
//
//	broker ──┐
//	dealer ──┼──▶ internal/wamp
//	codec  ──┘
package wamp
