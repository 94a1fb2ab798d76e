package swim

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"
	"sync"
	"time"
)

// linesPerSecond bounds what the libraries may log: a misconfigured or hostile host can cause a line per packet.
const linesPerSecond = 20

// libraryLog passes the lines of serf and memberlist on to slog. Those libraries put a level in brackets before each line and think
// highly of their news: what they call an error (a lost ping) is our warning, and so on down.
type libraryLog struct {
	to  *slog.Logger
	std *log.Logger

	mu      sync.Mutex
	second  int64
	lines   int
	dropped int
}

func newLibraryLog(to *slog.Logger) *libraryLog {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	l := &libraryLog{to: to}
	l.std = log.New(l, "", 0)
	return l
}

// levelBelowDebug is for what the libraries themselves call debug.
const levelBelowDebug = slog.LevelDebug - 4

var libraryLevels = []struct {
	prefix string
	level  slog.Level
}{
	{"[ERR] ", slog.LevelWarn},
	{"[ERROR] ", slog.LevelWarn},
	{"[WARN] ", slog.LevelInfo},
	{"[INFO] ", slog.LevelDebug},
	{"[DEBUG] ", levelBelowDebug},
	{"[TRACE] ", levelBelowDebug},
}

// Write is called by log.Logger with one line.
func (l *libraryLog) Write(line []byte) (int, error) {
	n := len(line)
	level, text := slog.LevelInfo, bytes.TrimSpace(line)
	for _, v := range libraryLevels {
		if rest, ok := bytes.CutPrefix(text, []byte(v.prefix)); ok {
			level, text = v.level, rest
			break
		}
	}
	ctx := context.Background()
	if !l.to.Enabled(ctx, level) {
		return n, nil
	}
	if dropped, ok := l.admit(time.Now().Unix()); ok {
		if dropped > 0 {
			l.to.Log(ctx, slog.LevelInfo, fmt.Sprintf("gossip: %d lines left out", dropped))
		}
		l.to.Log(ctx, level, string(text))
	}
	return n, nil
}

// admit takes one line out of the second's budget; dropped is how many were left out before it.
func (l *libraryLog) admit(second int64) (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if second != l.second {
		l.second, l.lines = second, 0
		dropped, l.dropped = l.dropped, 0
	}
	if l.lines == linesPerSecond {
		l.dropped++
		return 0, false
	}
	l.lines++
	return dropped, true
}
