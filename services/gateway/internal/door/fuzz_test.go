package door

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// Whatever a client has invented, who asks is whom our proxy has written down.
func FuzzForwarded(f *testing.F) {
	for _, invented := range []string{"", "x", "10.0.0.1", "203.0.113.9, 10.9.9.9", "[::1]:80", "[", "]", ",", "unknown", "::ffff:10.0.0.1%eth0", "\x00", "\xff", strings.Repeat("10.0.0.1,", 2000)} {
		f.Add(invented)
	}
	trusted, err := ParseNetworks([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	proxy, us := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("203.0.113.7")
	f.Fuzz(func(t *testing.T, invented string) {
		asks, err := callerOf(proxy, forwarding{told: true, hops: strings.Split(invented+","+us.String(), ",")}, trusted)
		if err != nil || asks.address != us || asks.here {
			t.Errorf("behind %q it is %v, %v", invented, asks, err)
		}
		// Written by the proxy itself it is read, or refused.
		asks, err = callerOf(proxy, forwarding{told: true, hops: strings.Split(invented, ",")}, trusted)
		if err == nil && (!asks.address.IsValid() || asks.address.IsLoopback() || asks.here) {
			t.Errorf("of %q comes %v", invented, asks)
		}
	})
}

// No page is taken for the gateway's own unless a browser would call it that.
func FuzzSameHost(f *testing.F) {
	for _, origin := range []string{
		"http://localhost:8080", "http://LOCALHOST.:8080", "null", "", "http://", "http://[::1]:8080", "http://localhost:8080@evil.example", "http://localhost:8080.evil.example",
		"https://localhost", "javascript:localhost:8080", "http://localhost:8080\x00", "http://[localhost]:8080", "//localhost:8080", "http://evil.example#localhost:8080",
	} {
		f.Add(origin, "localhost:8080")
	}
	f.Fuzz(func(t *testing.T, origin, host string) {
		sameHost(origin, host)
		if !sameHost(origin, "localhost:8080") {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(strings.TrimSuffix(u.Hostname(), "."), "localhost") || u.Port() != "8080" {
			t.Errorf("%q is taken for the page of localhost:8080", origin)
		}
	})
}
