package swim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// lookupTimeout bounds one question to DNS.
const lookupTimeout = 2 * time.Second

// seedsMax bounds the addresses that all seeds together resolve to, and seedFileLines the lines of a watched file: both are more
// than a full mesh of 64 nodes needs.
const (
	seedsMax      = 512
	seedFileLines = 1024
)

// resolver is the part of net.Resolver that seeds need.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

type systemResolver struct{}

func (systemResolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}

func (systemResolver) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	return net.DefaultResolver.LookupSRV(ctx, service, proto, name)
}

const (
	srvPrefix  = "srv+"
	filePrefix = "file:"
)

// CheckSeed says what is wrong with the form of a seed; whether it can be resolved shows later.
func CheckSeed(seed string) error {
	if path, ok := strings.CutPrefix(seed, filePrefix); ok {
		if path == "" {
			return fmt.Errorf("seed %q: the path is missing", seed)
		}
		return nil
	}
	if name, ok := strings.CutPrefix(seed, srvPrefix); ok {
		if name == "" {
			return fmt.Errorf("seed %q: the name is missing", seed)
		}
		return nil
	}
	host, port, err := net.SplitHostPort(seed)
	if err != nil {
		return fmt.Errorf("seed %q: %s is needed", seed, seedForms)
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 || host == "" {
		return fmt.Errorf("seed %q: %s is needed", seed, seedForms)
	}
	return nil
}

const seedForms = "host:port, srv+name or file:PATH"

// resolveSeeds finds the present addresses of all seeds. complete is false when some seed could not be resolved: then there may be
// more than these.
func (n *Swim) resolveSeeds(ctx context.Context) (addrs []netip.AddrPort, complete bool) {
	complete = true
	seen := map[netip.AddrPort]bool{}
	var add func(seed string, inFile bool)
	add = func(seed string, inFile bool) {
		found, nested, err := n.resolveSeed(ctx, seed, inFile)
		if err != nil {
			complete = false
			n.log.std.Printf("[WARN] swim: seed %s: %v", seed, err)
		}
		for _, a := range found {
			if !seen[a] && len(addrs) < seedsMax {
				seen[a] = true
				addrs = append(addrs, a)
			}
		}
		for _, s := range nested {
			add(s, true)
		}
	}
	for _, s := range n.cfg.Seeds {
		add(s, false)
	}
	return addrs, complete
}

func (n *Swim) resolveSeed(ctx context.Context, seed string, inFile bool) (addrs []netip.AddrPort, nested []string, err error) {
	if path, ok := strings.CutPrefix(seed, filePrefix); ok {
		if inFile {
			return nil, nil, errors.New("a file of seeds names another file")
		}
		nested, err = readSeedFile(path)
		return nil, nested, err
	}
	if err := CheckSeed(seed); err != nil {
		return nil, nil, err
	}
	if name, ok := strings.CutPrefix(seed, srvPrefix); ok {
		addrs, err = n.resolveSRV(ctx, name)
		return addrs, nil, err
	}
	host, port, _ := net.SplitHostPort(seed)
	p, _ := strconv.ParseUint(port, 10, 16)
	addrs, err = n.resolveHost(ctx, host, uint16(p))
	return addrs, nil, err
}

func (n *Swim) resolveSRV(ctx context.Context, name string) (addrs []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	_, srvs, err := n.lookup.LookupSRV(ctx, "", "", name)
	for _, s := range srvs { // valid ones come even with an error
		a, err2 := n.resolveHost(ctx, strings.TrimSuffix(s.Target, "."), s.Port)
		addrs = append(addrs, a...)
		err = errors.Join(err, err2)
	}
	return addrs, err
}

func (n *Swim) resolveHost(ctx context.Context, host string, port uint16) ([]netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip.Unmap().WithZone(""), port)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := n.lookup.LookupNetIP(ctx, "ip", host)
	addrs := make([]netip.AddrPort, 0, len(ips))
	for _, ip := range ips {
		addrs = append(addrs, netip.AddrPortFrom(ip.Unmap().WithZone(""), port))
	}
	return addrs, err
}

// readSeedFile reads one seed a line; blank lines and those that begin with # are passed over.
func readSeedFile(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var seeds []string
	sc := bufio.NewScanner(f)
	for lines := 0; sc.Scan() && lines < seedFileLines; lines++ {
		if line := strings.TrimSpace(sc.Text()); line != "" && line[0] != '#' {
			seeds = append(seeds, line)
		}
	}
	return seeds, sc.Err()
}

// isSelf reports whether addr is this node: our own port at an address of this machine, where that is what we listen on.
func (n *Swim) isSelf(addr netip.AddrPort, local []netip.Addr) bool {
	if addr == n.self {
		return true
	}
	if addr.Port() != n.self.Port() || n.cfg.transport != nil {
		return false
	}
	if bind, err := resolveOne(n.cfg.BindAddr); err != nil || !bind.Addr().IsUnspecified() {
		return false
	}
	for _, ip := range local {
		if ip == addr.Addr() {
			return true
		}
	}
	return addr.Addr().IsLoopback() || addr.Addr().IsUnspecified()
}

func localAddrs() []netip.Addr {
	var ips []netip.Addr
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			ips = append(ips, p.Addr().Unmap())
		}
	}
	return ips
}
