package router

import "kleeblatt/internal/wamp"

// uriBytesMax bounds a URI. Elements of the tables hold one and travel in chunks of 64 KiB, with room for a few of them.
const uriBytesMax = 4096

// validURI is wamp.ValidURI for URIs that this router is willing to keep.
func validURI(uri []byte, match wamp.Match, strict bool) bool {
	return len(uri) <= uriBytesMax && wamp.ValidURI(uri, match, strict)
}
