package auth

// RoleAnonymous is the role of sessions that proved nothing.
const RoleAnonymous = "anonymous"

// ProviderStatic is the provider of principals that this router's own rules made, as opposed to a WAMP procedure.
const ProviderStatic = "static"

// Principal is who a session is. Its strings are immutable; a Principal may be copied and kept by anyone.
type Principal struct {
	AuthID       string // unique among anonymous sessions; else the user's name, shared by all of the user's sessions
	AuthRole     string // what authorization rules and role filters look at
	AuthMethod   string // how the identity was proven
	AuthProvider string // who vouched for it
}

// authIDAlphabet has 32 letters, so that 5 bits choose one without bias; i, l, o and u are left out because people read these.
const authIDAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// authIDLen letters hold 80 bits: among a billion anonymous sessions two share an id with a probability of less than 1e-6.
const authIDLen = 16

// Anonymous makes a principal for a session that proves nothing. rand is asked for 64 uniform bits, twice; the one allocation is
// the id.
func Anonymous(rand func() uint64) Principal {
	var id [authIDLen]byte
	for i := 0; i < authIDLen; {
		bits := rand()
		for range authIDLen / 2 { // 8 letters use 40 of the 64 bits
			id[i] = authIDAlphabet[bits&31]
			bits >>= 5
			i++
		}
	}
	return Principal{AuthID: string(id[:]), AuthRole: RoleAnonymous, AuthMethod: MethodAnonymous, AuthProvider: ProviderStatic}
}
