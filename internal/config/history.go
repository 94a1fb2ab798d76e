package config

import (
	"fmt"
	"strconv"
	"strings"

	"kleeblatt/internal/wamp"
)

const (
	historyEventsMax = 1 << 20
	historyBytesMax  = 8 << 20 // an answer of a keeper fits a frame of the link
)

// parseHistory reads REALM,TOPIC and what may follow.
func parseHistory(v string) (h History, err error) {
	parts := strings.Split(v, ",")
	if len(parts) < 2 {
		return h, fmt.Errorf("%q is no history: REALM,TOPIC is needed", v)
	}
	h.Realm, h.Topic = parts[0], parts[1]
	for _, p := range parts[2:] {
		key, value, _ := strings.Cut(p, "=")
		switch key {
		case "match":
			var ok bool
			if h.Match, ok = wamp.ParseMatch([]byte(value)); !ok {
				return h, fmt.Errorf("match: %q is none of exact, prefix, wildcard", value)
			}
		case "events":
			if h.Events, err = strconv.Atoi(value); err != nil || h.Events < 1 || h.Events > historyEventsMax {
				return h, fmt.Errorf("events: %q is no number from 1 to %d", value, historyEventsMax)
			}
		case "bytes":
			n, bad := parseBytes(value)
			if h.Bytes = int(n); bad != nil || n < 1<<10 || n > historyBytesMax {
				return h, fmt.Errorf("bytes: %q is no size from 1KiB to 8MiB", value)
			}
		default:
			return h, fmt.Errorf("%q: a history has match=, events= and bytes=", p)
		}
	}
	if !wamp.ValidURI([]byte(h.Topic), h.Match, false) {
		return h, fmt.Errorf("%q is no topic for match=%s", h.Topic, h.Match)
	}
	return h, nil
}

// historyRules looks for the realms of histories.
func (p *parser) historyRules() {
	served := map[string]bool{}
	for _, r := range p.config.Realms {
		served[r.Name] = !r.Template()
	}
	for i, h := range p.config.Histories {
		if h.Topic != "" && !served[h.Realm] {
			p.fail(p.where("history", i), "a history is for realm %s, which is not served here by that name", h.Realm)
		}
	}
}
