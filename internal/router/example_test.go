package router_test

import (
	"fmt"
	"math/rand/v2"

	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
)

// One worker, two sessions, no sockets: what a loop does with a Worker and its Tables.
func Example() {
	realms, err := router.NewRealms(router.RealmConfig{Name: "realm1"})
	if err != nil {
		panic(err)
	}
	tables := router.NewTables(router.TablesConfig{NodeName: "n1", Key: []byte("secret"), Realms: realms})
	worker := router.NewWorker(router.WorkerConfig{Count: 1, Node: "n1", Realms: realms, Rand: rand.New(rand.NewPCG(1, 2)).Uint64})

	var step func(in router.Input)
	apply := func(op router.Op, token uint64) {
		fx := tables.Propose(op, token, 0, nil)
		for i := 0; i < len(fx); i++ {
			switch e := fx[i]; e.Kind {
			case router.TxPropose: // a replicator would tell the other nodes here
				fx = tables.Applied(e.Token, fx)
			case router.TxBarrier: // and wait for them here
				fx = tables.Barrier(e.Token, 0, 0, fx)
			case router.TxApplied:
				tables.Commit()
				step(router.Input{Kind: router.InApplied, Token: e.Token, ID: e.ID, Err: e.Err})
			}
		}
	}
	step = func(in router.Input) {
		for _, e := range worker.Step(&in, nil) {
			switch e.Kind {
			case router.FxSend:
				fmt.Printf("%d gets message %s\n", e.Conn, e.Bytes[1:3])
			case router.FxFanout:
				fmt.Printf("%d get message %s\n", e.Conns, e.Bytes[1:3])
			case router.FxPropose:
				apply(*e.Op, e.Token)
			}
		}
	}
	for conn := router.Conn(1); conn <= 2; conn++ {
		step(router.Input{Kind: router.InOpened, Conn: conn, Serializer: wamp.JSON})
		step(router.Input{Kind: router.InMessage, Conn: conn, Bytes: []byte(`[1,"realm1",{"roles":{"publisher":{},"subscriber":{}}}]`)})
	}
	step(router.Input{Kind: router.InMessage, Conn: 1, Bytes: []byte(`[32,1,{},"com.example.news"]`)})
	step(router.Input{Kind: router.InMessage, Conn: 2, Bytes: []byte(`[16,1,{},"com.example.news",["hello"]]`)})
	// Output:
	// 1 gets message 2,
	// 2 gets message 2,
	// 1 gets message 33
	// [1] get message 36
}
