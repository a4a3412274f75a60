package principal

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
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
		"no account":           Person(netip.MustParseAddr("203.0.113.7"), "", "digest", true, Place{Tenant: "t-1", Role: Owner}),
		"no session":           Person(netip.MustParseAddr("203.0.113.7"), "a-1", "", true, Place{Tenant: "t-1", Role: Owner}),
		"a token of nobody's":  Bearer(netip.MustParseAddr("203.0.113.7"), "", "k-1", true, TokenScopes, Place{Tenant: "t-1", Role: Owner}),
		"a token without id":   Bearer(netip.MustParseAddr("203.0.113.7"), "a-1", "", true, TokenScopes, Place{Tenant: "t-1", Role: Owner}),
		"a token for nowhere":  Bearer(netip.MustParseAddr("203.0.113.7"), "a-1", "k-1", true, TokenScopes, Place{Role: Owner}),
		"a token of one gone":  Bearer(netip.MustParseAddr("203.0.113.7"), "a-1", "k-1", false, TokenScopes, Place{Tenant: "t-1"}),
		"of one that operated": Bearer(netip.MustParseAddr("203.0.113.7"), "a-1", "k-1", true, []Scope{WriteStores}, Place{Tenant: "t-1"}),
	}
	for name, p := range nobody {
		v := reflect.ValueOf(p)
		for i := range v.NumMethod() {
			method := v.Method(i)
			for _, argument := range []string{"", "ip:loopback", "nobody", string(ReadStores)} {
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

func TestWhoIsWho(t *testing.T) {
	address := netip.MustParseAddr("203.0.113.7")
	member, outside := Place{Tenant: "t-1", Role: Member}, Place{Tenant: "t-1"}
	for _, test := range []struct {
		name                   string
		who                    Principal
		kind                   Kind
		actor, account, tenant string
		role                   Role
		operator               bool
		holds                  string
	}{
		{"a client", Client(address, "ip:a", true), ByAddress, "ip:a", "", "ip:a", Owner, false, "stores:read stores:write passwords:read"},
		{"a client where there is a key", Client(address, "ip:a", false), ByAddress, "ip:a", "", "ip:a", Owner, false, "stores:read stores:write"},
		{"who sits at the machine", AtMachine(address, "ip:a"), AtHand, "ip:a", "", "ip:a", Owner, false, "stores:read stores:write passwords:read"},
		{"who holds the key", KeyHolder(address, "ip:a"), ByKey, Admin, "", "ip:a", "", true, everything},
		{"who holds the key, for nobody", Key(address, ""), ByKey, Admin, "", "", "", true, everything},
		{"a member", Person(address, "a-1", "digest", false, member), BySession, "a-1", "a-1", "t-1", Member, false, everything},
		{"a member of nothing", Person(address, "a-1", "digest", false, outside), BySession, "a-1", "a-1", "", "", false, everything},
		{"an operator", Person(address, "a-1", "digest", true, outside), BySession, "a-1", "a-1", "t-1", "", true, everything},
		{"a token", Bearer(address, "a-1", "k-1", false, []Scope{WriteStores}, member), ByToken, "a-1/k-1", "a-1", "t-1", Member, false,
			"stores:read stores:write"},
		{"a reader's token", Bearer(address, "a-1", "k-1", false, []Scope{ReadStores}, member), ByToken, "a-1/k-1", "a-1", "t-1", Member, false, "stores:read"},
		{"an operator's token without the scope", Bearer(address, "a-1", "k-1", true, []Scope{ReadPasswords}, member), ByToken, "a-1/k-1", "a-1", "t-1",
			Member, false, "passwords:read"},
		{"an operator's token", Bearer(address, "a-1", "k-1", true, []Scope{Operate}, outside), ByToken, "a-1/k-1", "a-1", "t-1", "", true, "platform:operate"},
		{"a token with a scope of another release", Bearer(address, "a-1", "k-1", true, []Scope{"shop:burn"}, member), ByToken, "a-1/k-1", "a-1", "t-1",
			Member, false, ""},
	} {
		p, holds := test.who, []string{}
		for _, scope := range TokenScopes {
			if p.Holds(scope) {
				holds = append(holds, string(scope))
			}
		}
		if !p.Known() || p.Kind() != test.kind || p.Actor() != test.actor || p.Account() != test.account || p.Tenant() != test.tenant || p.Role() != test.role ||
			p.Operator() != test.operator || p.Unmetered() != test.operator || p.Address() != address || strings.Join(holds, " ") != test.holds {
			t.Errorf("%s is %+v, and holds %v", test.name, p, holds)
		}
		if In(With(context.Background(), p)) != p {
			t.Errorf("%s is lost on the way", test.name)
		}
	}
}

const everything = "stores:read stores:write passwords:read tenant:manage platform:operate"

// asked counts how often it is.
type asked struct {
	who Principal
	err error
	n   int
}

func (a *asked) Strange() bool                                       { return a.n == 0 }
func (a *asked) Find(context.Context, string) (Principal, error)     { a.n++; return a.who, a.err }
func (a *asked) Again(context.Context, Principal) (Principal, error) { return a.who, a.err }

// Finding out may cost an answer of the broker's, so it is done when somebody wants to know, and once.
func TestWhoAsksIsFoundOutOnce(t *testing.T) {
	person := Person(netip.MustParseAddr("203.0.113.7"), "a-1", "digest", false, Place{})
	finder := &asked{who: person, err: errLost}
	ctx := Asked(context.Background(), finder)
	if In(ctx) != person || Missing(ctx) != nil || !errors.Is(Astray(ctx), errLost) || Found(ctx) != person || finder.n != 1 {
		t.Errorf("found %+v after %d questions", Found(ctx), finder.n)
	}
	if finder = (&asked{who: person}); Found(Asked(context.Background(), finder)).Known() || finder.n != 0 {
		t.Error("who only looks whether anybody was found asks")
	}
	if ctx = Asked(context.Background(), &asked{err: errLost}); !errors.Is(Missing(ctx), errLost) || Astray(ctx) != nil {
		t.Errorf("nobody is missing for %v, and astray for %v", Missing(ctx), Astray(ctx))
	}
}
