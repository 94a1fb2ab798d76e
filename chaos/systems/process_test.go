//go:build unix

package systems

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestProcesses starts three real nodes of a system and waits until they are ready. Of the product it kills the first and waits until that is
// ready again. Not so with Raft: its nodes are ready before they vote, so that a founder killed at once may have been one of two voters,
// and then there is no majority any more. It runs only where KLEEBLATT_PROCESSES=1 is set.
func TestProcesses(t *testing.T) {
	if os.Getenv("KLEEBLATT_PROCESSES") != "1" {
		t.Skip("real processes: set KLEEBLATT_PROCESSES=1")
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "kleeblatt/cmd/kleeblatt", "kleeblatt/cmd/kleeblatt-chaos")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, name := range []string{"kleeblatt", "raft-lan"} {
		t.Run(name, func(t *testing.T) {
			s, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			s.Program = filepath.Join(bin, s.Program)
			if err := s.Find(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			c := startReady(t, s, 3)
			t.Logf("%s: ready after %v", s.What(), time.Since(began).Round(time.Millisecond))
			if name == "kleeblatt" {
				began = time.Now()
				c.End(0, syscall.SIGKILL, time.Minute)
				if err := c.Restart(0); err != nil {
					t.Fatal(err)
				}
				ready(t, c, 0)
				t.Logf("node 0 killed and ready again after %v", time.Since(began).Round(time.Millisecond))
			}
			m, err := c.Memory()
			t.Logf("%+v, %v of processor time", m, c.CPUs())
			if err != nil || m.Nodes != 3 || c.CPUs() == 0 || c.Crashed() != -1 {
				t.Errorf("memory %+v, %v; crashed: %d", m, err, c.Crashed())
			}
		})
	}
}
