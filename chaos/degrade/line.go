package degrade

import (
	"math/rand/v2"
	"strconv"
	"time"
)

const (
	// segmentBytes is what a TCP segment carries on an Ethernet: the unit in which streams lose.
	segmentBytes = 1448
	// resendMin is how long TCP waits at least before it sends again (Linux: 200 ms).
	resendMin = 200 * time.Millisecond
	// resendMax bounds the doubling of that.
	resendMax = 10 * time.Second
)

// line is one direction of a link. All times are since the proxy began; calls come in the order of their now.
type line struct {
	p      *Profile
	outage *weather // shared with the other direction
	clog   *weather
	free   time.Duration // when the bottleneck will have sent all that it was given
}

func newLines(p *Profile, seed uint64) (lines [2]*line) {
	outage := newWeather(p.Outage, seed, "outage", Both)
	for d := range lines {
		lines[d] = &line{p: p, outage: outage, clog: newWeather(p.Clog, seed, "clog", Direction(d))}
	}
	return lines
}

// begin is when the bottleneck begins with something that comes now.
func (l *line) begin(now time.Duration) time.Duration {
	return l.clog.fair(now, max(now, l.free))
}

// send takes n bytes through the bottleneck from then on, and returns when they are at the other end at the earliest.
func (l *line) send(begin time.Duration, n int) time.Duration {
	l.free = begin
	if l.p.Bandwidth > 0 {
		l.free += time.Duration(float64(n) / float64(l.p.Bandwidth) * float64(time.Second))
	}
	return l.free + l.p.Delay
}

// flow is one direction of a connection, or of one peer's datagrams.
type flow struct {
	line   *line
	chance *rand.Rand
	last   time.Duration // the release of the last chunk
}

// newFlow: kind and number name it, so that its draws depend on no other.
func newFlow(l *line, seed uint64, kind string, number int, d Direction) *flow {
	return &flow{line: l, chance: chance(seed, kind, strconv.Itoa(number), d.String())}
}

func (f *flow) hits(share float64) bool { return share > 0 && f.chance.Float64() < share }

func (f *flow) jitter() time.Duration { return between(f.chance, 0, f.line.p.Jitter) }

// chunk is when n bytes of a stream come out that come in now.
func (f *flow) chunk(now time.Duration, n int) time.Duration {
	l := f.line
	begin := l.begin(now)
	for { // neither of both may hold it up any more
		fair := l.clog.fair(now, l.outage.fair(now, begin))
		if fair == begin {
			break
		}
		begin = fair
	}
	at := l.send(begin, n) + f.jitter()
	late := time.Duration(0) // of the segment that is sent again most often: they are sent again beside each other
	for rest := n; rest > 0; rest -= segmentBytes {
		segment := time.Duration(0)
		for wait := max(resendMin, 2*l.p.Delay); f.hits(l.p.Loss); wait = min(2*wait, resendMax) {
			segment += wait
		}
		late = max(late, segment)
	}
	f.last = max(f.last, at+late)
	return f.last
}

// fate is what becomes of a datagram.
type fate struct {
	lost       bool
	at         time.Duration // where it is not lost
	duplicated bool
	again      time.Duration // of the second one
}

// datagram is what becomes of one of n bytes that comes now.
func (f *flow) datagram(now time.Duration, n int) fate {
	l := f.line
	begin := l.begin(now)
	switch {
	case l.outage.fair(now, begin) != begin, l.p.Queue > 0 && begin-now > l.p.Queue, f.hits(l.p.Loss):
		return fate{lost: true}
	}
	at := l.send(begin, n)
	x := fate{at: at + f.jitter()}
	if f.hits(l.p.Reorder) {
		x.at += l.p.ReorderBy
	}
	if x.duplicated = f.hits(l.p.Duplicate); x.duplicated {
		x.again = at + f.jitter()
	}
	return x
}
