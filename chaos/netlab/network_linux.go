package netlab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// subnet is the laboratory's. Nobody outside can meet it.
const subnet = "10.231.7."

const (
	bridgeHost = subnet + "254" // ours, where the clients are
	rules      = "table bridge lab {\n" +
		"set all_cut { type ipv4_addr . ipv4_addr; }\n" +
		"set udp_cut { type ipv4_addr . ipv4_addr; }\n" +
		"set tcp_cut { type ipv4_addr . ipv4_addr; }\n" +
		"chain between { type filter hook forward priority 0; policy accept;\n" +
		"ip saddr . ip daddr @all_cut drop\n" +
		"ip protocol udp ip saddr . ip daddr @udp_cut drop\n" +
		"ip protocol tcp ip saddr . ip daddr @tcp_cut drop\n" +
		"}\n}\n"
)

func host(node int) string { return fmt.Sprint(subnet, node+1) }

// buildNetwork makes the bridge in our own namespace and one namespace for each node. Clients' packets enter and leave by the bridge
// itself, so what is cut between nodes does not touch them.
func buildNetwork(nodes int) error {
	steps := [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", "bridge", "type", "bridge"},
		{"address", "add", bridgeHost + "/24", "dev", "bridge"},
		{"link", "set", "bridge", "up"},
	}
	for i := range nodes {
		name, port := nodeName(i), fmt.Sprint("port", i+1)
		steps = append(steps,
			[]string{"netns", "add", name},
			[]string{"link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name},
			[]string{"link", "set", port, "master", "bridge", "up"},
			[]string{"-n", name, "address", "add", host(i) + "/24", "dev", "eth0"},
			[]string{"-n", name, "link", "set", "eth0", "up"},
			[]string{"-n", name, "link", "set", "lo", "up"})
	}
	for _, words := range steps {
		if out, err := exec.Command("ip", words...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(words, " "), err, out)
		}
	}
	return nft(rules)
}

// nft carries out all of script or nothing of it.
func nft(script string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	return nil
}

// cut drops what these say, all from one moment on.
func cut(cuts []Cut) error {
	var b strings.Builder
	for _, c := range cuts {
		fmt.Fprintf(&b, "add element bridge lab %s_cut { %s . %s }\n", c.What, host(c.From), host(c.To))
	}
	return nft(b.String())
}

// mend ends all cuts.
func mend() error {
	return nft("flush set bridge lab all_cut\nflush set bridge lab udp_cut\nflush set bridge lab tcp_cut\n")
}

// startWithin starts the program in the node's namespace, with this process's environment and what cmd adds to it. It is not told that it is
// inside: it did not make the namespaces.
func startWithin(node int, cmd *exec.Cmd) error {
	cmd.Env = slices.DeleteFunc(append(os.Environ(), cmd.Env...), func(v string) bool { return v == insideVariable+"=1" })
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is in another namespace from now on, and ends with the goroutine
		f, err := os.Open(filepath.Join(namespaces, nodeName(node)))
		if err != nil {
			done <- err
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("setns: %w", err)
			return
		}
		done <- cmd.Start()
	}()
	return <-done
}
