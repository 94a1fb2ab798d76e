package null

import "testing"

func TestAddress(t *testing.T) {
	for url, ok := range map[string]bool{
		"ws://127.0.0.1:18080/ws": true, "ws://[::1]:18080/ws": true, "ws://0.0.0.0:80": true,
		"wss://127.0.0.1:1/": false, "rs://127.0.0.1:1": false, "ws://localhost:1/": false, "ws://127.0.0.1/": false, "ws://[": false, "": false,
	} {
		if _, _, err := address(url); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}
