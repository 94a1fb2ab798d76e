package scenario

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"kleeblatt/chaos/raw"
)

// thisMachine is what can be read of it.
func thisMachine() raw.Machine {
	m := raw.Machine{Processors: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	m.Kernel = line("/proc/sys/kernel/osrelease")
	m.Model = field("/proc/cpuinfo", "model name")
	for _, c := range strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB") {
		m.Memory = m.Memory*10 + uint64(c-'0')
	}
	m.Memory <<= 10
	return m
}

func line(file string) string {
	text, _ := os.ReadFile(file)
	return strings.TrimSpace(string(text))
}

// loadAverage is how many processes wanted a processor in the last minute: what else the machine had to do.
func loadAverage() float64 {
	first, _, _ := strings.Cut(line("/proc/loadavg"), " ")
	v, _ := strconv.ParseFloat(first, 64)
	return v
}

// field is what stands behind "name:".
func field(file, name string) string {
	text, _ := os.ReadFile(file)
	for l := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
