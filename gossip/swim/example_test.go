package swim_test

import (
	"fmt"

	"kleeblatt/gossip/swim"
)

// Two nodes on loopback: the second is told where the first is, and says when it has met it.
func Example() {
	first, err := swim.New(swim.Config{
		Name: "first", BindAddr: "127.0.0.1:0", Key: swim.DeriveKey([]byte("our secret")),
		Tags: swim.Tags{Life: swim.Life{Epoch: 1, Nonce: 11}, LinkAddr: ":7947", Proto: 1}, OnEvent: func(swim.Event) {},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer first.Shutdown()
	met := make(chan string, 16)
	second, err := swim.New(swim.Config{
		Name: "second", BindAddr: "127.0.0.1:0", Key: swim.DeriveKey([]byte("our secret")), Seeds: []string{first.Addr()},
		Tags: swim.Tags{Life: swim.Life{Epoch: 1, Nonce: 22}, LinkAddr: ":7957", Proto: 1},
		OnEvent: func(e swim.Event) {
			if e.Kind == swim.EvMember && e.Alive {
				met <- fmt.Sprint("met ", e.Name, ", whose links are at ", e.LinkAddr)
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Shutdown()
	fmt.Println(<-met)
	// Output: met first, whose links are at 127.0.0.1:7947
}
