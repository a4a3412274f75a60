package door

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/storelog"
)

func TestWhoTheCallerIs(t *testing.T) {
	trusted, err := ParseNetworks([]string{"10.0.0.0/8", "192.168.1.5", " 2001:db8::/32 ", "", "fe80::/10", "::ffff:172.16.0.0/108"})
	if err != nil {
		t.Fatal(err)
	}
	inClear := storelog.NamingOf(nil)
	for _, c := range []struct{ name, peer, forwarded, want string }{
		{"no proxy", "203.0.113.7", "", "ip:203.0.113.7"},
		{"invented by the client", "203.0.113.7", "198.51.100.1", "ip:203.0.113.7"},
		{"one proxy", "10.1.2.3", "203.0.113.7", "ip:203.0.113.7"},
		{"two proxies", "10.1.2.3", "203.0.113.7, 192.168.1.5", "ip:203.0.113.7"},
		{"invented before a proxy", "10.1.2.3", "198.51.100.1, 203.0.113.7", "ip:203.0.113.7"},
		{"a proxy itself", "10.1.2.3", "", "ip:10.1.2.3"},
		{"behind proxies only", "10.1.2.3", "10.9.9.9", "ip:10.9.9.9"},
		{"mapped", "::ffff:203.0.113.7", "", "ip:203.0.113.7"},
		{"a mapped proxy", "::ffff:172.16.9.9", "203.0.113.7", "ip:203.0.113.7"},
		{"a proxy with a zone", "fe80::2%eth0", "203.0.113.7", "ip:203.0.113.7"},
		{"IPv6 by its /64", "2001:470:1:2:3:4:5:6", "", "ip:2001:470:1:2::/64"},
		{"IPv6 with a zone", "fe80::1%eth0", "", "ip:fe80::/64"},
		{"loopback v4", "127.0.0.53", "", "ip:loopback"},
		{"loopback v6", "::1", "", "ip:loopback"},
		{"a proxy's loopback", "10.1.2.3", "::1", "ip:10.1.2.3"},
		{"a loopback two proxies away", "10.1.2.3", "127.0.0.1:80, 2001:db8::1", "ip:2001:db8::/64"},
		{"behind a proxy's loopback", "10.1.2.3", "203.0.113.7, 127.0.0.1", "ip:10.1.2.3"},
	} {
		by := forwarding{told: c.forwarded != ""}
		if by.told {
			by.hops = strings.Split(c.forwarded, ",")
		}
		got, err := callerOf(netip.MustParseAddr(c.peer), by, trusted)
		if tenant := inClear.Tenant(got.address); err != nil || tenant != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, tenant, err, c.want)
		}
	}
	if _, err := callerOf(netip.Addr{}, forwarding{}, trusted); err == nil {
		t.Error("a connection without an address is let in")
	}
}

func TestNetworksOfEverybodyAreNotTrusted(t *testing.T) {
	for _, text := range []string{"true", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "10.0.0.0/33", "proxy.example", "10.1.2.3:80"} {
		if networks, err := ParseNetworks([]string{"10.0.0.0/8", text}); err == nil {
			t.Errorf("%s is %v", text, networks)
		}
	}
}

func TestNamesThatAreOurs(t *testing.T) {
	d := New(nil, []string{"0.0.0.0:8080", "shops.example:8088"}, "", nil)
	local := netip.MustParseAddr("192.0.2.10")
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "127.0.0.1:8080": true, "[::1]:8080": true, "127.8.9.1": true,
		"192.0.2.10:8080": true, "shops.example": true, "SHOPS.example.": true,
		"192.0.2.11": false, "evil.example": false, "store-x.shops.example": false, "store-x.localhost": false,
		"localhost.evil.example": false, "": false,
	} {
		if got := d.isOurs(hostName(host), local); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
