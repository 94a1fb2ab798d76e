package config_test

import (
	"fmt"

	"kleeblatt/internal/config"
)

// Every mistake is told at once, with what to do about it.
func ExampleParse() {
	_, err := config.Parse([]string{"--slow-consumer", "wait", "--gossip", "10.0.0.1:7946", "--relam", "bank"})
	fmt.Println(err)
	// Output:
	// 3 problems:
	//   --relam: there is no such flag; did you mean --realm?
	//   --slow-consumer: "wait" is none of disconnect, drop
	//   --gossip: 10.0.0.1:7946 would let everybody join the cluster who reaches it: give --cluster-key-file FILE, or say --insecure
}
