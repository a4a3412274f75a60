package storelog_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

const tenantKey = "store-platform.io/tenant-key"

var digestName = regexp.MustCompile(`^ip:[a-z2-7]{24}$`)

func keyed(key []byte) storelog.Naming {
	return storelog.NamingOf(map[string]string{tenantKey: base64.StdEncoding.EncodeToString(key)})
}

func drawKey(t *rapid.T) []byte { return rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key") }

// drawElsewhere draws an address of another machine: a neighbour of one that was drawn before, or any.
func drawElsewhere(t *rapid.T, before netip.Addr) netip.Addr {
	length := rapid.SampledFrom([]int{4, 16}).Draw(t, "length")
	bytes := rapid.SliceOfN(rapid.Byte(), length, length).Draw(t, "address")
	if before.IsValid() && rapid.Bool().Draw(t, "neighbours") {
		bytes = before.AsSlice()
		bytes[rapid.IntRange(0, len(bytes)-1).Draw(t, "where")] ^= rapid.Byte().Draw(t, "other by")
	}
	address, _ := netip.AddrFromSlice(bytes)
	if address = address.Unmap(); address.IsLoopback() {
		t.Skip("drew this machine")
	}
	return address
}

// whose is who has an address: IPv6 is had by the /64. Told without the code under test.
func whose(address netip.Addr) string {
	if address.Is6() {
		return string(address.AsSlice()[:8])
	}
	return string(address.AsSlice())
}

// A digest of 120 bits: that two networks are alike is as good as a wrong key.
func TestTenantsAreToldApartWithoutTheirAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := drawKey(t)
		naming := keyed(key)
		one := drawElsewhere(t, netip.Addr{})
		other := drawElsewhere(t, one)
		if (naming.Tenant(one) == naming.Tenant(other)) != (whose(one) == whose(other)) {
			t.Fatalf("%s is %s, and %s is %s", one, naming.Tenant(one), other, naming.Tenant(other))
		}
		name := naming.Tenant(one)
		if !digestName.MatchString(name) || strings.Contains(name, one.String()) {
			t.Fatalf("%s is %s", one, name)
		}
		if again := keyed(key).Tenant(one); again != name {
			t.Fatalf("%s is %s, and was %s", one, again, name)
		}
		if one.Is4() {
			if mapped := naming.Tenant(netip.AddrFrom16(one.As16())); mapped != name {
				t.Fatalf("%s is %s, and %s written as IPv6", one, name, mapped)
			}
		}
		another := drawKey(t)
		if same := keyed(another).Tenant(one) == name; same != (string(another) == string(key)) {
			t.Fatalf("%s is %s under %x and under %x", one, name, key, another)
		}
	})
}

// Whoever is named is known by that name; by no other, and by none of another log's making.
func TestANameIsToldFromWhatNamesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clear, naming := storelog.NamingOf(nil), keyed(drawKey(t))
		address := drawElsewhere(t, netip.Addr{})
		name, plain := naming.Tenant(address), clear.Tenant(address)
		if !naming.Names(name) || !clear.Names(plain) || naming.Names(plain) || clear.Names(name) {
			t.Fatalf("%s is %s, and %s in clear", address, name, plain)
		}
		at := rapid.IntRange(0, len(name)-1).Draw(t, "where")
		for _, other := range []string{name + "a", name[1:], name + "\n", name[:at] + "\n" + name[at:], name[:at] + "!" + name[at+1:], strings.ToUpper(name)} {
			if naming.Names(other) || clear.Names(other) {
				t.Fatalf("%q passes for a name", other)
			}
		}
	})
	for _, naming := range []storelog.Naming{{}, storelog.NamingOf(nil), keyed(make([]byte, 32))} {
		if !naming.Names(storelog.LoopbackTenant) {
			t.Error("no log knows this machine")
		}
		for _, none := range []string{
			"", "ip:", "ip", "loopback", "t-4kq7wmzc3e", "ip:127.0.0.1", "ip:::1/64", "ip:203.0.113.7/32", "ip:2001:db8::1/64", "ip:2001:db8::/48", "ip:0203.0.113.7",
			"ip:::ffff:203.0.113.7",
		} {
			if naming.Names(none) {
				t.Errorf("%q passes for a name", none)
			}
		}
	}
	if (storelog.Naming{}).Names("ip:x7lm4c72fhu3o74nhyvqryuw") {
		t.Error("no log's naming knows somebody")
	}
}

// What was written under a name is found under it by every later release.
func TestNamesAreWhatTheyWere(t *testing.T) {
	key := []byte("a key of thirty-two bytes, as is")
	for address, names := range map[string][2]string{
		"203.0.113.7":      {"ip:203.0.113.7", "ip:x7lm4c72fhu3o74nhyvqryuw"},
		"2001:db8:1:2::7":  {"ip:2001:db8:1:2::/64", "ip:crlgszca7htc7iaxeobs5kg6"},
		"127.0.0.53":       {"ip:loopback", "ip:loopback"},
		"::1":              {"ip:loopback", "ip:loopback"},
		"::ffff:127.0.0.1": {"ip:loopback", "ip:loopback"},
	} {
		at := netip.MustParseAddr(address)
		if inClear := storelog.NamingOf(nil).Tenant(at); inClear != names[0] {
			t.Errorf("in clear %s is %s, and was %s", address, inClear, names[0])
		}
		if name := keyed(key).Tenant(at); name != names[1] {
			t.Errorf("%s is %s, and was %s", address, name, names[1])
		}
	}
}

func TestWithoutALogOrWithAKeyThatCannotBeReadOnlyThisMachineHasAName(t *testing.T) {
	for what, naming := range map[string]storelog.Naming{
		"no log": {}, "no key": storelog.NamingOf(map[string]string{tenantKey: ""}),
		"no base64":   storelog.NamingOf(map[string]string{tenantKey: "203.0.113.7"}),
		"a short key": keyed(make([]byte, 31)), "a long one": keyed(make([]byte, 33)),
	} {
		for _, address := range []netip.Addr{{}, netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")} {
			if name := naming.Tenant(address); name != "" {
				t.Errorf("%s: %s is %s", what, address, name)
			}
		}
		if name := naming.Tenant(netip.MustParseAddr("::1")); name != storelog.LoopbackTenant {
			t.Errorf("%s: this machine is %q", what, name)
		}
	}
}

var somebody = netip.MustParseAddr("203.0.113.7")

// Each gateway comes with a key of its own, and the log takes one.
func TestGatewaysThatStartAtOnceNameAlike(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		js := open(t, b.Conns[0]).JetStream()
		insist(t, func(ctx context.Context) error {
			err := js.DeleteStream(ctx, storelog.Stream)
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				return nil // the answer was lost
			}
			return err
		})
		names := make([]string, 4)
		var all sync.WaitGroup
		for i := range names {
			all.Go(func() {
				conn := b.Conns[i%len(b.Conns)]
				// Again and again, as gateways do.
				err := waittest.Until(t.Context(), func() error {
					err := storelog.Ensure(t.Context(), conn, storelog.Settings{Replicas: b.Replicas()})
					if err != nil {
						return err
					}
					log, err := storelog.Open(t.Context(), conn)
					if err == nil {
						names[i] = log.Naming().Tenant(somebody)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		b.AwaitStepDown(t)
		for _, name := range names {
			if name != names[0] || !digestName.MatchString(name) {
				t.Fatalf("named %q", names)
			}
		}
	})
}

func TestEveryNewLogHasAKeyOfItsOwnAndKeepsIt(t *testing.T) {
	one, other := bustest.Start(t), bustest.Start(t)
	name := open(t, one).Naming().Tenant(somebody)
	if another := open(t, other).Naming().Tenant(somebody); !digestName.MatchString(name) || another == name {
		t.Fatalf("one log has %s, the other %s", name, another)
	}
	bustest.Ensure(t, one, storelog.Settings{Replicas: 1, Installation: "one", Raise: true})
	if again := open(t, one).Naming().Tenant(somebody); again != name {
		t.Errorf("%s is called %s", name, again)
	}
}

// A tenant with another name would have lost its stores.
func TestALogThatHasNoKeyNeverGetsOne(t *testing.T) {
	nc := bustest.Start(t)
	old := config(t, open(t, nc))
	delete(old.Metadata, tenantKey)
	reshape(t, open(t, nc), old)
	beforeLevels(t, nc)
	for _, settings := range []storelog.Settings{{Replicas: 1}, {Replicas: 1, Installation: "one"}, {Replicas: 1, Raise: true}} {
		bustest.Ensure(t, nc, settings)
		if name := open(t, nc).Naming().Tenant(somebody); name != "ip:203.0.113.7" {
			t.Fatalf("with %+v it is %q", settings, name)
		}
	}
	log := open(t, nc)
	if log.WriteLevel() != store.Schema {
		t.Fatalf("the level is %d", log.WriteLevel())
	}
	if err := errors.Join(log.PauseSweeps(t.Context(), "restored"), log.ResumeSweeps(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, keyed := config(t, log).Metadata[tenantKey]; keyed {
		t.Error("it has got a key")
	}
}
