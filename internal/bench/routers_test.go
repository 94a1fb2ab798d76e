package bench

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestStat(t *testing.T) {
	const stat = "4711 (a) b (c) R 1 4711 4711 0 -1 4194560 100 0 0 0 250 31 0 0 20 0 9 0 123456 1000000 77 18446744073709551615 1 1"
	u, err := parseStat([]byte(stat))
	if want := (usage{2810 * time.Millisecond, 77 * int64(os.Getpagesize())}); err != nil || u != want {
		t.Errorf("%+v, %v; want %+v", u, err, want)
	}
	for _, bad := range []string{"", "1 (x) R 1 2", "1 (x) R 1 4711 4711 0 -1 4194560 100 0 0 0 x 31 0 0 20 0 9 0 123456 1000000 77 1"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is a stat", bad)
		}
	}
}

// TestRouters: what the router's process uses is told in every flow; here it is this one.
func TestRouters(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	url := startNode(t).URLs()[0]
	for _, flow := range []string{PubSub, RPC, Connect, Idle} {
		cfg := short(flow, url)
		cfg.PIDs, cfg.Receivers = []int{os.Getpid()}, 2
		rep := mustRun(t, cfg)
		if u := rep.Routers; u == nil || u.Memory < 1<<20 || u.CPUSeconds > 0 && u.PerCPUSecond <= 0 {
			t.Errorf("%s: %+v of %+v", flow, u, rep)
		}
	}
	cfg := short(PubSub, url)
	cfg.PIDs = []int{1 << 30} // above what any kernel gives
	if rep, err := Run(t.Context(), cfg); err == nil {
		t.Errorf("nobody's process used %+v", rep.Routers)
	}
}
