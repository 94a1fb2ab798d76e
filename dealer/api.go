package dealer

import "kleeblatt/internal/wamp"

// Key names a registration within a realm.
type Key struct {
	Match     wamp.Match
	Procedure string
}

// Callee is one session that registered the procedure.
type Callee struct {
	Node           uint8  // this node's numbering; 0 is this node itself
	Session        uint64 // session id; a callee of this node is owned by worker Session % workers
	Order          uint64 // HLC of its REGISTER: callees are kept in order of (Order, NodeName, Session)
	NodeName       string
	Invoke         wamp.Invoke
	Concurrency    uint32 // 0: unlimited
	DiscloseCaller bool
	ForwardTimeout bool // it watches the caller's timeout itself
}
