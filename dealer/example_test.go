package dealer_test

import (
	"fmt"

	"kleeblatt/dealer"
	"kleeblatt/internal/wamp"
)

// A call finds its registration, its callee, and its way back.
func Example() {
	key := dealer.Key{Match: wamp.Exact, Procedure: "com.shop.buy"}
	var index *dealer.Index
	index = index.WithCallee(key, 99, wamp.RoundRobin, dealer.Callee{Session: 10, Order: 1})
	index = index.WithCallee(key, 99, wamp.RoundRobin, dealer.Callee{Session: 20, Order: 2})

	calls, invocations := dealer.NewCalls(1), dealer.NewInvocations(1)
	for request := uint64(1); request <= 3; request++ {
		registration := index.Match([]byte("com.shop.buy"))
		callee := registration.Pick(0, nil)
		call, _ := calls.Open(0, request)
		calls.Bind(call, callee.Node, callee.Session, registration.ID)

		from := dealer.Origin{Node: 0, Worker: 0, Call: call.ID, Caller: 1}
		slot := dealer.Slot(callee.Session / 10)
		invocation, _ := invocations.Open(slot, from, registration.ID, callee.Concurrency)
		fmt.Printf("CALL %d is INVOCATION %d of session %d\n", request, invocation.ID, callee.Session)

		if v, verdict := invocations.Judge(slot, invocation.ID); verdict == dealer.Running {
			calls.Close(calls.FindByID(v.Call))
			invocations.Close(v)
		}
	}
	fmt.Println(calls.Len(), invocations.Len())
	// Output:
	// CALL 1 is INVOCATION 1 of session 10
	// CALL 2 is INVOCATION 1 of session 20
	// CALL 3 is INVOCATION 2 of session 10
	// 0 0
}
