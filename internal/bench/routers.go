package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of processor times in /proc: USER_HZ, 100 on all architectures that Go runs on.
const clockTick = 10 * time.Millisecond

// Routers is what the processes that were loaded used while it was measured, all together.
type Routers struct {
	CPUSeconds   float64 `json:"cpu_seconds"`
	PerCPUSecond float64 `json:"per_cpu_second"` // received, answered or welcomed, per second of processor time; idle: sessions opened
	Memory       int64   `json:"memory_bytes"`   // resident, at the end
	Grown        int64   `json:"grown_bytes"`    // since the beginning
}

// usage is what processes have used until now.
type usage struct {
	cpu    time.Duration
	memory int64
}

func (u usage) minus(v usage) usage { return usage{u.cpu - v.cpu, u.memory - v.memory} }

// usageOf reads /proc, so it needs Linux. A process that is gone is an error.
func usageOf(pids []int) (sum usage, err error) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return sum, fmt.Errorf("the process of a router: %w", err)
		}
		u, err := parseStat(text)
		if err != nil {
			return sum, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		sum.cpu += u.cpu
		sum.memory += u.memory
	}
	return sum, nil
}

// parseStat takes utime, stime and rss, the 14th, 15th and 24th field, from a process's stat. The second one is its name, in
// brackets, and may hold anything.
func parseStat(text []byte) (u usage, err error) {
	const thirdToUtime, thirdToRSS = 14 - 3, 24 - 3
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= thirdToRSS {
		return u, fmt.Errorf("%d fields behind the name", len(fields))
	}
	var n [3]int64
	for i, at := range []int{thirdToUtime, thirdToUtime + 1, thirdToRSS} {
		if n[i], err = strconv.ParseInt(string(fields[at]), 10, 64); err != nil {
			return u, err
		}
	}
	return usage{cpu: time.Duration(n[0]+n[1]) * clockTick, memory: n[2] * int64(os.Getpagesize())}, nil
}

// begin and end stand at the borders of the measured part.
func (r *run) begin() {
	r.watch.begin()
	if r.routers, r.routersErr = usageOf(r.cfg.PIDs); r.routersErr != nil {
		r.fault(r.routersErr)
	}
}

func (r *run) end() {
	r.watch.end()
	now, err := usageOf(r.cfg.PIDs)
	if err != nil && r.routersErr == nil {
		r.routersErr = err
		r.fault(err)
	}
	r.memory, r.routers = now.memory, now.minus(r.routers)
}

// routersReport is what the processes used, nil where nobody asked or it is not known. rate is what came of it, per second of the clock.
func (r *run) routersReport(rate, seconds float64) *Routers {
	if len(r.cfg.PIDs) == 0 || r.routersErr != nil {
		return nil
	}
	u := &Routers{CPUSeconds: r.routers.cpu.Seconds(), Memory: r.memory, Grown: r.routers.memory}
	if u.CPUSeconds > 0 {
		u.PerCPUSecond = rate * seconds / u.CPUSeconds
	}
	return u
}
