package principal

import (
	"net/netip"
	"testing"
)

func TestANetworkIsWhatOneClientHas(t *testing.T) {
	for pair, same := range map[[2]string][2]bool{
		{"203.0.113.7", "203.0.113.7"}: {true, true}, {"203.0.113.7", "203.0.113.8"}: {false, true},
		{"2001:db8::1", "2001:db8::ffff:0:0:2"}: {true, true}, {"2001:db8::1", "2001:db8:0:1::1"}: {false, true},
		{"2001:db8::1", "2001:db8:1::1"}: {false, false},
	} {
		a, b := netip.MustParseAddr(pair[0]), netip.MustParseAddr(pair[1])
		if (Network(a) == Network(b)) != same[0] || (Site(a) == Site(b)) != same[1] {
			t.Errorf("%s and %s are of %s and %s, at %q and %q", a, b, Network(a), Network(b), Site(a), Site(b))
		}
	}
	if site := Site(netip.MustParseAddr("203.0.113.7")); site != "" {
		t.Errorf("an IPv4 address is at %q", site)
	}
}
