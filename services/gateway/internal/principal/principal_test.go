package principal

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
)

var errLost = errors.New("lost")

// Nobody is refused with what is known of why, and always with something.
func TestWhoIsMissingIsRefused(t *testing.T) {
	somebody := With(context.Background(), Client(netip.MustParseAddr("203.0.113.7"), "ip:a", true))
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"no door":            {context.Background(), ErrNobody},
		"the zero value":     {With(somebody, Principal{}), ErrNobody},
		"with a reason":      {Without(somebody, errLost), errLost},
		"without a reason":   {Without(somebody, nil), ErrNobody},
		"somebody":           {somebody, nil},
		"somebody after all": {With(Without(context.Background(), errLost), In(somebody)), nil},
	} {
		if err := Missing(c.ctx); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// Every method is asked by its type, so that a new one is here by itself.
func TestNobodyMayDoOrSeeAnything(t *testing.T) {
	operator := With(context.Background(), KeyHolder(netip.MustParseAddr("203.0.113.7"), "ip:a"))
	nobody := map[string]Principal{
		"the zero value":       {},
		"an empty context's":   In(context.Background()),
		"without a tenant":     Client(netip.MustParseAddr("203.0.113.7"), "", true),
		"nowhere":              AtMachine(netip.MustParseAddr("127.0.0.1"), ""),
		"a key for nobody":     KeyHolder(netip.MustParseAddr("203.0.113.7"), ""),
		"of a context without": In(With(context.Background(), Principal{})),
		"of one that lost it":  In(Without(operator, errLost)),
	}
	for name, p := range nobody {
		v := reflect.ValueOf(p)
		for i := range v.NumMethod() {
			method := v.Method(i)
			for _, argument := range []string{"", "ip:loopback", "nobody"} {
				var in []reflect.Value
				for j := range method.Type().NumIn() {
					in = append(in, reflect.ValueOf(argument).Convert(method.Type().In(j)))
				}
				for _, out := range method.Call(in) {
					if !out.IsZero() {
						t.Errorf("%s: %s(%q) is %v", name, v.Type().Method(i).Name, argument, out)
					}
				}
			}
		}
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	address := netip.MustParseAddr("203.0.113.7")
	own, all := query.Of("ip:a"), query.All()
	for _, test := range []struct {
		name                      string
		who                       Principal
		actor                     string
		sees, passwords, operates bool
		stores, letters           query.Scope
	}{
		{"a client", Client(address, "ip:a", true), "ip:a", false, true, false, own, own},
		{"a client where there is a key", Client(address, "ip:a", false), "ip:a", false, false, false, own, own},
		{"who sits at the machine", AtMachine(address, "ip:a"), "ip:a", false, true, true, own, all},
		{"who holds the key", KeyHolder(address, "ip:a"), Admin, true, true, true, all, all},
	} {
		p := test.who
		if !p.Known() || p.Actor() != test.actor || p.Tenant() != "ip:a" || p.Address() != address || !p.MayCreate() || !p.MaySee("ip:a") ||
			p.MaySee("ip:b") != test.sees || p.MaySee("") != test.sees || p.MaySeePasswords() != test.passwords ||
			p.MayOperate() != test.operates || p.Unmetered() != test.sees || p.Stores() != test.stores || p.DeadLetters() != test.letters {
			t.Errorf("%s is %+v", test.name, p)
		}
		if In(With(context.Background(), p)) != p {
			t.Errorf("%s is lost on the way", test.name)
		}
	}
}
