package rights

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// What a gateway answers to whom is held against a table written by hand, over HTTP. Here is what can't be asked there.

func TestEveryActionHasItsRow(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "rights.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	actions := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			actions++
			if a := Action(strings.Trim(literal.Value, `"`)); !a.Known() {
				t.Errorf("%s has no row", a)
			}
		}
		return true
	})
	if actions != len(table) {
		t.Errorf("%d actions, %d rows", actions, len(table))
	}
}

func TestNobodyMayNothingButWhatIsEverybodys(t *testing.T) {
	address := netip.MustParseAddr("203.0.113.7")
	key := principal.Key(address, "t-1")
	for a, r := range table {
		for _, owner := range []string{"", "t-1", "nobody"} {
			if Allow(principal.Principal{}, a, owner) != r.open {
				t.Errorf("nobody may %s to %q's", a, owner)
			}
		}
		if May(principal.Principal{}, a) != r.open || !Scope(principal.Principal{}, a).SeesNothing() && !r.open {
			t.Errorf("nobody may %s", a)
		}
	}
	if unheard := Action("unheard of"); Allow(key, unheard, "t-1") || May(key, unheard) || !Scope(key, unheard).SeesNothing() {
		t.Error("what has no row may be done")
	}
}

// An operator looks after what is nobody's, such as a store whose tenant can't be read, and creates for somebody only.
func TestWhatIsNobodysIsTheOperators(t *testing.T) {
	address := netip.MustParseAddr("203.0.113.7")
	key := principal.Key(address, "")
	if !Allow(key, ReadStores, "") || !Allow(key, CommandStores, "") || Allow(key, CreateStore, "") || May(key, CreateStore) {
		t.Error("who holds the key looks after the wrong things")
	}
	person := principal.Person(address, "a-1", "digest", false, principal.Place{})
	for a := range table {
		if !a.Open() && !a.Personal() && (Allow(person, a, "") || May(person, a)) {
			t.Errorf("somebody without a tenant may %s", a)
		}
	}
}
