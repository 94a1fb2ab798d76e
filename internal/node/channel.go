package node

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"

	"kleeblatt/internal/auth"
)

// channelOf is what authentication may ask of a connection over TLS, nil for one without.
func channelOf(state *tls.ConnectionState) *auth.Channel {
	if state == nil {
		return nil
	}
	c := &auth.Channel{Binding: func(kind string) ([]byte, bool) { return binding(state, kind) }}
	if len(state.VerifiedChains) > 0 {
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		c.Certificate = hex.EncodeToString(sum[:])
	}
	return c
}

// binding is the channel's id for cryptosign: 32 bytes, of tls-unique their hash.
func binding(state *tls.ConnectionState, kind string) ([]byte, bool) {
	switch kind {
	case "tls-exporter": // RFC 9266
		b, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, sha256.Size)
		return b, err == nil
	case "tls-unique": // RFC 5929; nothing in TLS 1.3
		sum := sha256.Sum256(state.TLSUnique)
		return sum[:], len(state.TLSUnique) > 0
	}
	return nil, false
}
