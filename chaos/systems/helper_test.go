//go:build unix

package systems

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The system of these tests is this program, started again with the word "helper".
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "helper" {
		helper(os.Args[2], os.Args[3:])
	}
	os.Exit(m.Run())
}

// helper appends its words to the file "words", and answers at an address: / with 200, /words with its words, /use when it has used 100 ms
// of processor time, /crash never. "stubborn" does not hear SIGTERM; "parent" starts a child that is the same program on the next address.
func helper(at string, words []string) {
	for i, w := range words {
		switch w {
		case "stubborn":
			signal.Ignore(syscall.SIGTERM)
		case "parent":
			child := exec.Command(os.Args[0], "helper", words[i+1])
			if child.Start() != nil {
				os.Exit(1)
			}
		}
	}
	http.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/words", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(words) })
	http.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	http.HandleFunc("/use", func(http.ResponseWriter, *http.Request) {
		for used := (syscall.Rusage{}); used.Utime.Nano() < int64(100*time.Millisecond); {
			syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		}
	})
	http.ListenAndServe(at, nil)
	os.Exit(1)
}

// helperSystem is a system whose nodes are helpers with these further words.
func helperSystem(t *testing.T, words ...string) *System {
	t.Helper()
	if _, err := os.Stat("/proc/self/smaps_rollup"); err != nil {
		t.Skip("needs Linux")
	}
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &System{
		Name: "helper", Program: me, Realm: "r", URL: "ws://127.0.0.1:{port}", Ready: "http://127.0.0.1:{port}/",
		Command: append([]string{"{program}", "helper", "127.0.0.1:{port}"}, words...), Join: []string{"127.0.0.1:{gossip}"},
	}
	if err := s.Find(); err != nil {
		t.Fatal(err)
	}
	return s
}

// startReady starts n nodes and waits until all are ready. They end with the test.
func startReady(t *testing.T, s *System, n int) *Cluster {
	t.Helper()
	dir := t.TempDir()
	c, err := Start(s, n, dir)
	t.Cleanup(func() {
		c.Stop()
		if logs, _ := filepath.Glob(filepath.Join(dir, "*", "log")); t.Failed() {
			for _, log := range logs {
				text, _ := os.ReadFile(log)
				t.Logf("%s:\n%s", log, text[max(0, len(text)-2000):])
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		ready(t, c, i)
	}
	return c
}

func ready(t *testing.T, c *Cluster, i int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Ready(ctx, i); err != nil {
		t.Fatal(err)
	}
}

// ask asks a helper at its own address, or at another node's port.
func ask(t *testing.T, c *Cluster, i int, path string) (words []string) {
	t.Helper()
	return askAt(t, strings.Replace(c.URLs[i], "ws:", "http:", 1)+path)
}

func askAt(t *testing.T, url string) (words []string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		if strings.HasSuffix(url, "/crash") {
			return nil
		}
		t.Fatal(err)
	}
	defer answer.Body.Close()
	json.NewDecoder(answer.Body).Decode(&words)
	return words
}
