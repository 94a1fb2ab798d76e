package systems

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is the unit of processor times in /proc: USER_HZ, 100 on all architectures that Go runs on.
const clockTick = 10 * time.Millisecond

// Memory is that of Nodes nodes, in bytes. Where Nodes is less than the cluster has, the others did not run.
type Memory struct {
	RSS, PSS uint64
	Nodes    int
}

// Memory is the sum over all nodes that run, with their child processes. A process that ends meanwhile counts as nothing.
func (c *Cluster) Memory() (sum Memory, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	groups := readGroups()
	for _, p := range c.nodes {
		if p.life == nil || p.life.hasEnded() {
			continue
		}
		var leader uint64
		for _, m := range groups[p.life.pid()] {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", m.pid))
			switch {
			case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH):
				continue
			case err != nil:
				return sum, err
			}
			rss := kilobytes(text, "Rss:")
			sum.RSS += rss
			sum.PSS += kilobytes(text, "Pss:")
			if m.pid == p.life.pid() {
				leader = rss
			}
		}
		if leader > 0 {
			sum.Nodes++
		}
	}
	return sum, nil
}

// kilobytes is the value of a line "Name:  123 kB", in bytes.
func kilobytes(text []byte, name string) uint64 {
	for line := range bytes.Lines(text) {
		if f := strings.Fields(string(line)); len(f) == 3 && f[0] == name && f[2] == "kB" {
			n, _ := strconv.ParseUint(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// CPU is the processor time that node i has used since Start, over its restarts and with its child processes. It never falls.
func (c *Cluster) CPU(i int) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i].used(readGroups())
}

// CPUs is that of all nodes.
func (c *Cluster) CPUs() (sum time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	groups := readGroups()
	for _, p := range c.nodes {
		sum += p.used(groups)
	}
	return sum
}

// used is the processor time of all lives.
func (p *process) used(groups map[int][]member) time.Duration {
	if p.life == nil {
		return p.past
	}
	if !p.life.hasEnded() {
		p.life.cpu = max(p.life.cpu, times(groups[p.life.pid()]))
	}
	return p.past + p.life.cpu
}

// member is one process of a group, as its stat says.
type member struct {
	pid, group int
	cpu        time.Duration // its own and that of the children it has waited for
}

func times(members []member) (sum time.Duration) {
	for _, m := range members {
		sum += m.cpu
	}
	return sum
}

// readGroups reads the processes of this machine, by their group.
func readGroups() map[int][]member {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	groups := map[int][]member{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if m, ok := parseStat(string(text)); err == nil && ok {
			groups[m.group] = append(groups[m.group], m)
		}
	}
	return groups
}

// parseStat reads /proc/PID/stat: the group is the 5th field; utime, stime, cutime and cstime are the 14th to 17th. The second field
// may hold spaces and brackets.
func parseStat(text string) (m member, ok bool) {
	first, last := strings.IndexByte(text, ' '), strings.LastIndexByte(text, ')')
	if first < 0 || last < first {
		return m, false
	}
	f := strings.Fields(text[last+1:])
	if len(f) < 15 {
		return m, false
	}
	var err error
	number := func(s string) int {
		n, e := strconv.Atoi(s)
		err = errors.Join(err, e)
		return n
	}
	m.pid, m.group = number(text[:first]), number(f[2])
	for _, ticks := range f[11:15] {
		m.cpu += time.Duration(number(ticks)) * clockTick
	}
	return m, err == nil
}
