package swim

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
)

// Config is what New needs. It is not changed and may be reused.
type Config struct {
	// Name is this node's name, unique in the cluster: 1 to NameMax of A-Z a-z 0-9 . _ -
	Name string
	// BindAddr is host:port of gossip, UDP and TCP alike. An unspecified host is all interfaces, port 0 any free port.
	BindAddr string
	// Advertise is the host:port under which others reach us; "" is BindAddr, or this machine's first address where that is
	// unspecified.
	Advertise string
	// Seeds are where to find the cluster: "host:port" (a name is resolved anew at each try, to all of its addresses),
	// "srv+name" (DNS SRV), "file:PATH" (one of these per line, read anew at each try). This node among them is passed over.
	Seeds []string
	// Known are host:port of nodes that were members in an earlier run, as Keep was given them. They are tried like seeds. What is no
	// address is passed over, and so is this node.
	Known []string
	// Keep is called with the addresses of the members, alive or not, at most KnownMax, whenever they have changed, at most once a second,
	// on a goroutine of its own that it may block: for a disk. It owns the slice. May be nil.
	Keep func(known []string)
	// Key is the secret of 16, 24 or 32 bytes that encrypts and authenticates gossip: DeriveKey. nil: neither.
	Key []byte
	// Tags are what the others see of us.
	Tags Tags
	// Digest gives the table digest for the answer to a probe, at most DigestMax bytes, not changed afterwards. It is called on
	// any goroutine and must not block. May be nil.
	Digest func() []byte
	// OnEvent is called with each event, in order, on one goroutine, from before New returns until Shutdown does. It must only
	// enqueue: while it blocks, nothing more is told.
	OnEvent func(Event)
	// Log gets what serf and memberlist have to say, a level below what they think of it. nil: nothing.
	Log *slog.Logger

	// transport replaces UDP and TCP, lookup DNS, in tests.
	transport        memberlist.Transport
	lookup           resolver
	reconnectTimeout time.Duration
	// calm stretches what memberlist does periodically, so that a test of many nodes and hours ends within minutes. 0 is 1.
	calm time.Duration
}

// keyInfo binds derived keys to this use of the cluster key.
const keyInfo = "kleeblatt gossip v1"

// DeriveKey makes Config.Key from the cluster key of any length (HKDF with SHA-256, RFC 5869). Equal cluster keys give equal keys.
func DeriveKey(clusterKey []byte) []byte {
	key, err := hkdf.Key(sha256.New, clusterKey, nil, keyInfo, 32)
	if err != nil {
		panic("swim: HKDF refuses 32 bytes of SHA-256, which RFC 5869 allows: " + err.Error())
	}
	return key
}

// ValidName reports whether a node may have this name.
func ValidName(name string) bool {
	if len(name) == 0 || len(name) > NameMax {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func (c *Config) validate() error {
	var errs []error
	if !ValidName(c.Name) {
		errs = append(errs, fmt.Errorf("name %q: 1 to %d of A-Z a-z 0-9 . _ - are needed", c.Name, NameMax))
	}
	if l := len(c.Key); l != 0 && l != 16 && l != 24 && l != 32 {
		errs = append(errs, fmt.Errorf("key of %d bytes: 16, 24 or 32 are needed", l))
	}
	if c.Tags.Life == (Life{}) {
		errs = append(errs, errors.New("a life is needed"))
	}
	if len(c.Tags.LinkAddr) > linkAddrMax {
		errs = append(errs, fmt.Errorf("link address %q is longer than %d bytes", c.Tags.LinkAddr, linkAddrMax))
	}
	if len(c.Tags.LinkUnix) > linkUnixMax {
		errs = append(errs, fmt.Errorf("link socket %q is longer than %d bytes", c.Tags.LinkUnix, linkUnixMax))
	}
	if len(c.Tags.Tables) > TablesMax {
		errs = append(errs, fmt.Errorf("tag of the tables %q is longer than %d bytes", c.Tags.Tables, TablesMax))
	}
	if c.OnEvent == nil {
		errs = append(errs, errors.New("OnEvent is needed"))
	}
	for _, s := range c.Seeds {
		if err := CheckSeed(s); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// addresses are where to listen and what to tell others.
func (c *Config) addresses() (bind, advertise netip.AddrPort, err error) {
	if bind, err = resolveOne(c.BindAddr); err != nil {
		return bind, advertise, fmt.Errorf("gossip address: %w", err)
	}
	switch {
	case c.Advertise != "":
		if advertise, err = resolveOne(c.Advertise); err != nil {
			return bind, advertise, fmt.Errorf("advertised gossip address: %w", err)
		}
	case bind.Addr().IsUnspecified():
		advertise = netip.AddrPortFrom(interfaceAddr(bind.Addr().Is6()), bind.Port())
	default:
		advertise = bind
	}
	return bind, advertise, nil
}

// resolveOne finds the one address of host:port; memberlist would take a name that it cannot parse for "all interfaces".
func resolveOne(hostport string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if host == "" {
		host = "0.0.0.0"
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	p, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ip, err := netip.ParseAddr(host)
	if err == nil {
		return netip.AddrPortFrom(ip.Unmap(), uint16(p)), nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	best := ips[0].Unmap()
	for _, ip := range ips { // an IPv4 address first: a name with both is usually reached by it from everywhere
		if ip = ip.Unmap(); ip.Is4() && !best.Is4() {
			best = ip
		}
	}
	return netip.AddrPortFrom(best, uint16(p)), nil
}

// interfaceAddr is the address to advertise when all are listened on: the first that is not loopback, IPv4 unless only v6 is
// listened on; loopback where there is no other.
func interfaceAddr(want6 bool) netip.Addr {
	addrs, _ := net.InterfaceAddrs()
	var other netip.Addr
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := p.Addr().Unmap()
		if !ip.IsGlobalUnicast() {
			continue
		}
		if ip.Is6() == want6 {
			return ip
		}
		if want6 && !other.IsValid() { // [::] takes IPv4 too
			other = ip
		}
	}
	switch {
	case other.IsValid():
		return other
	case want6:
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}
