package null

import (
	"fmt"
	"net/netip"
	"net/url"
)

// address is where the URL wants to listen: ws://HOST:PORT/PATH, with an IP address. Any path is served.
func address(rawURL string) (netip.AddrPort, *url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return netip.AddrPort{}, nil, err
	}
	if u.Scheme != "ws" {
		return netip.AddrPort{}, nil, fmt.Errorf("%s: the null router speaks ws:// alone", rawURL)
	}
	a, err := netip.ParseAddrPort(u.Host)
	if err != nil {
		return netip.AddrPort{}, nil, fmt.Errorf("%s: an IP address and a port are needed: %w", rawURL, err)
	}
	return a, u, nil
}
