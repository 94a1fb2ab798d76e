// Package wamp holds the nouns of the WAMP v2 protocol: message types, serializers, identifiers, URIs, policies and the
// error URIs, each with its source in the specification. It imports nothing of ours, knows no bytes and keeps no state.
package wamp
