package door

import (
	"fmt"
	"net/netip"
	"strings"
)

// loopbackTenant is every process of this machine, over IPv4 or IPv6: a browser may take either from one click to the
// next.
const loopbackTenant = "ip:loopback"

// ParseNetworks reads TRUST_PROXY: networks or single addresses, separated by commas. "true" is refused on purpose, as
// it would let every client choose its own address.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range list {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if address, err := netip.ParseAddr(text); err == nil {
			networks = append(networks, netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither a network (10.0.0.0/8) nor an address", text)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// clientOf finds the address a request comes from. A proxy appends to X-Forwarded-For who it was asked by, so the list
// is read from its end for as long as the one who wrote it is trusted; anything further left may be invented.
func clientOf(peer netip.Addr, forwarded string, trusted []netip.Prefix) netip.Addr {
	client := peer.Unmap()
	hops := strings.Split(forwarded, ",")
	for i := len(hops) - 1; i >= 0 && within(client, trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = hop.Unmap()
	}
	return client
}

func within(address netip.Addr, networks []netip.Prefix) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// tenantOf names the tenant that an address is in open mode. Who has one IPv6 address has its whole /64.
func tenantOf(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	switch {
	case address.IsLoopback():
		return loopbackTenant
	case address.Is6():
		return "ip:" + netip.PrefixFrom(address, 64).Masked().String()
	default:
		return "ip:" + address.String()
	}
}
