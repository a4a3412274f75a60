package query

import (
	"bytes"
	"encoding/json"
)

// Scope is whose stores may be seen: everybody's, or one tenant's. The zero value sees nobody's, so that a question that
// somebody forgot to bound is answered with nothing. Scopes can be compared and be keys of a map.
type Scope struct {
	all    bool
	tenant string
}

// All sees everybody's, and what is nobody's. It is for operators.
func All() Scope { return Scope{all: true} }

// Of sees one tenant's. A tenant without a name is nobody.
func Of(tenant string) Scope { return Scope{tenant: tenant} }

// SeesAll says whether the scope is All.
func (s Scope) SeesAll() bool { return s.all }

// SeesNothing says whether there is nobody whose stores it sees.
func (s Scope) SeesNothing() bool { return s == Scope{} }

// Sees says whether a tenant's stores are in the scope.
func (s Scope) Sees(tenant string) bool { return s.all || tenant != "" && tenant == s.tenant }

// Tenant is whose stores it sees; empty of All, and of a scope that sees nothing.
func (s Scope) Tenant() string { return s.tenant }

// Within is what the scope sees of a tenant: never more than before, and nothing where that is another than its own.
func (s Scope) Within(tenant string) Scope {
	if !s.Sees(tenant) {
		return Scope{}
	}
	return Of(tenant)
}

type scopeWire struct {
	All    bool   `json:"all,omitempty"`
	Tenant string `json:"tenant,omitempty"`
}

// MarshalJSON writes {"all":true}, {"tenant":"…"} or, of a scope that sees nothing, {}.
func (s Scope) MarshalJSON() ([]byte, error) {
	return json.Marshal(scopeWire{All: s.all, Tenant: s.tenant})
}

// UnmarshalJSON reads what MarshalJSON wrote. What says more than is known here, or both, sees nothing: whoever wrote it
// may have meant less than what this release would take from it.
func (s *Scope) UnmarshalJSON(data []byte) error {
	*s = Scope{}
	var said scopeWire
	known := json.NewDecoder(bytes.NewReader(data))
	known.DisallowUnknownFields()
	if err := known.Decode(&said); err != nil {
		// Valid JSON it is, or nobody would have come here.
		return nil
	}
	if !said.All {
		*s = Of(said.Tenant)
	} else if said.Tenant == "" {
		*s = All()
	}
	return nil
}

// nobody is the tenant that a question names whose scope isn't one tenant. An older replica of the events service reads
// no scope, and an empty tenant as everybody.
const nobody = "nobody"

// told is a scope as questions carry it, beside the tenant that older replicas go by.
type told struct {
	Tenant string    `json:"tenant"`
	Scope  saidScope `json:"scope"`
}

// saidScope tells a scope that is there, whatever it says, from none.
type saidScope struct {
	Scope
	said bool
}

func (s *saidScope) UnmarshalJSON(data []byte) error {
	s.said = true
	return s.Scope.UnmarshalJSON(data)
}

func tell(s Scope) told {
	t := told{Tenant: s.tenant, Scope: saidScope{Scope: s}}
	if s.SeesNothing() {
		t.Tenant = nobody
	}
	return t
}

// understood is the scope of a question, also of an older gateway's, which says the tenant alone and by an empty one
// everybody.
func (t told) understood() Scope {
	switch {
	case t.Scope.said:
		return t.Scope.Scope
	case t.Tenant == "":
		return All()
	default:
		return Of(t.Tenant)
	}
}
