package door

import (
	"fmt"
	"net/netip"
	"strings"
)

// mappedBits stand before an IPv4 address that is written as IPv6.
const mappedBits = 128 - 32

// ParseNetworks reads TRUST_PROXY: networks or single addresses, separated by commas. "true" is refused on purpose, as
// it would let every client choose its own address, and so is a network of all addresses.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range list {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if address, err := netip.ParseAddr(text); err == nil {
			networks = append(networks, netip.PrefixFrom(plain(address), plain(address).BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither a network (10.0.0.0/8) nor an address", text)
		}
		if network.Addr().Is4In6() && network.Bits() >= mappedBits {
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-mappedBits)
		}
		if network.Bits() == 0 {
			return nil, fmt.Errorf("%q is everybody, who could each say to be anybody; name the proxies' networks", text)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

func within(address netip.Addr, networks []netip.Prefix) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
