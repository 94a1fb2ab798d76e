package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strings"
)

const (
	peersFile   = "peers"
	peersHeader = "kleeblatt peers 1"
	peersMax    = 1024     // more than membership ever keeps
	peersBytes  = 64 << 10 // of the file: an address has 50 characters at most
)

var errPeers = errors.New("this is not what a node writes there")

// Peers are the gossip addresses that KeepPeers was last given, nil for none. After an error the node can do without them.
func (d *Data) Peers() ([]string, error) {
	if d.dir == "" {
		return nil, nil
	}
	path := filepath.Join(d.dir, peersFile)
	b, err := readBounded(path, peersBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var peers []string
	if err == nil {
		peers, err = parsePeers(string(b))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return peers, nil
}

// KeepPeers replaces the list. It may be called while another goroutine asks for the next epoch.
func (d *Data) KeepPeers(peers []string) error {
	if d.dir == "" {
		return nil
	}
	return replaceFile(d.dir, peersFile, strings.Join(append([]string{peersHeader}, peers...), "\n")+"\n")
}

func parsePeers(s string) ([]string, error) {
	head, rest, ok := strings.Cut(s, "\n")
	if !ok || head != peersHeader {
		return nil, errPeers
	}
	var peers []string
	for line := range strings.Lines(rest) {
		p, whole := strings.CutSuffix(line, "\n")
		if _, err := netip.ParseAddrPort(p); err != nil || !whole || len(peers) >= peersMax {
			return nil, errPeers
		}
		peers = append(peers, p)
	}
	return peers, nil
}
