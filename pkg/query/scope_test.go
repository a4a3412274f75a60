package query

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestTheZeroScopeSeesNobody(t *testing.T) {
	for name, s := range map[string]Scope{"zero": {}, "a tenant without a name": Of("")} {
		if s.SeesAll() || !s.SeesNothing() || s.Sees("") || s.Sees("a") || s.Sees(nobody) {
			t.Errorf("%s sees somebody", name)
		}
	}
	if a := Of("a"); a.SeesAll() || a.SeesNothing() || !a.Sees("a") || a.Sees("b") || a.Sees("") {
		t.Error("one tenant's scope sees others, or not its own")
	}
	if all := All(); !all.SeesAll() || all.SeesNothing() || !all.Sees("a") || !all.Sees("") {
		t.Error("everybody's scope doesn't see everybody")
	}
}

func TestAScopeOnlyNarrows(t *testing.T) {
	for _, c := range []struct {
		scope  Scope
		tenant string
		want   Scope
	}{
		{All(), "a", Of("a")}, {Of("a"), "a", Of("a")}, {Of("a"), "b", Scope{}}, {Scope{}, "a", Scope{}}, {Of("a"), "", Scope{}}, {All(), "", Scope{}},
	} {
		if got := c.scope.Within(c.tenant); got != c.want {
			t.Errorf("%+v within %q is %+v, want %+v", c.scope, c.tenant, got, c.want)
		}
	}
}

// questions are all that carry a scope. Each is tried by its JSON, as a release before scopes wrote and read it.
var questions = map[string]func() any{
	"stores":       func() any { return new(StoresRequest) },
	"events":       func() any { return new(EventsRequest) },
	"dead letters": func() any { return new(DeadLettersRequest) },
	"live":         func() any { return new(LiveRequest) },
}

func scopeOf(question any) *Scope {
	return reflect.ValueOf(question).Elem().FieldByName("Scope").Addr().Interface().(*Scope)
}

func TestWhoAsksIsReadFromGatewaysOfAnyRelease(t *testing.T) {
	for text, want := range map[string]Scope{
		// Before scopes: an empty tenant was everybody.
		`{"limit":5}`:              All(),
		`{"tenant":"","limit":5}`:  All(),
		`{"tenant":"a","limit":5}`: Of("a"),
		// With them only they count.
		`{"tenant":"","scope":{"all":true},"limit":5}`:                      All(),
		`{"tenant":"a","scope":{"tenant":"a"},"limit":5}`:                   Of("a"),
		`{"tenant":"a","scope":{},"limit":5}`:                               {},
		`{"tenant":"","scope":{},"limit":5}`:                                {},
		`{"tenant":"","scope":null,"limit":5}`:                              {},
		`{"tenant":"","scope":"all","limit":5}`:                             {},
		`{"tenant":"","scope":{"all":"yes"},"limit":5}`:                     {},
		`{"tenant":"","scope":{"tenant":""},"limit":5}`:                     {},
		`{"tenant":"","scope":{"all":false},"limit":5}`:                     {},
		`{"tenant":"","scope":{"all":true,"tenant":"a"},"limit":5}`:         {},
		`{"tenant":"a","scope":{"tenant":"a","engine":"sample"},"limit":5}`: {},
		`{"tenant":"","scope":{"all":true,"except":["a"]},"limit":5}`:       {},
	} {
		for name, make := range questions {
			q := make()
			if err := json.Unmarshal([]byte(text), q); err != nil {
				t.Errorf("%s %s: %v", name, text, err)
			}
			if got := *scopeOf(q); got != want {
				t.Errorf("%s %s sees %+v, want %+v", name, text, got, want)
			}
			if limit := reflect.ValueOf(q).Elem().FieldByName("Limit"); limit.IsValid() && limit.Int() != 5 {
				t.Errorf("%s %s has the limit %d", name, text, limit.Int())
			}
		}
	}
}

// A release before scopes reads the tenant, and an empty one as everybody.
func TestNoReplicaIsAskedForEverybodyByAccident(t *testing.T) {
	for name, make := range questions {
		for _, s := range []Scope{{}, Of("a"), Of(""), All()} {
			q := make()
			*scopeOf(q) = s
			data, err := json.Marshal(q)
			if err != nil {
				t.Fatal(err)
			}
			var old struct {
				Tenant *string `json:"tenant"`
			}
			if err := json.Unmarshal(data, &old); err != nil || old.Tenant == nil {
				t.Fatalf("%s %s: %v", name, data, err)
			}
			if everybody := *old.Tenant == ""; everybody != s.SeesAll() {
				t.Errorf("an older replica reads %s as everybody's: %t", data, everybody)
			}
			if s.Tenant() != "" && *old.Tenant != s.Tenant() {
				t.Errorf("an older replica reads %s as %s's", data, *old.Tenant)
			}
			back := make()
			if err := json.Unmarshal(data, back); err != nil || !reflect.DeepEqual(back, q) {
				t.Errorf("%s is read back as %+v: %v", data, back, err)
			}
		}
	}
}
