package baseline

import (
	"errors"
	"net"
	"strconv"
	"strings"
)

// place is what a node says of its end of the log.
type place struct {
	addr   string // host:port
	epoch  uint64 // of its life
	founds bool   // it is node 0
}

var errPlace = errors.New("no address of a log")

// tag is place as membership carries it: host:port/epoch, and /0 for node 0.
func (p place) tag() string {
	s := p.addr + "/" + strconv.FormatUint(p.epoch, 36)
	if p.founds {
		s += "/0"
	}
	return s
}

func parsePlace(tag string) (p place, err error) {
	words := strings.Split(tag, "/")
	if len(words) < 2 || len(words) > 3 || len(words) == 3 && words[2] != "0" {
		return place{}, errPlace
	}
	p.addr, p.founds = words[0], len(words) == 3
	if _, _, err := net.SplitHostPort(p.addr); err != nil {
		return place{}, errPlace
	}
	if p.epoch, err = strconv.ParseUint(words[1], 36, 64); err != nil {
		return place{}, errPlace
	}
	return p, nil
}
