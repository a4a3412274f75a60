package principal

import "slices"

// Role is what an account is in a tenant.
type Role string

// The roles, each of which may do what the next may and more: an owner all, its members and the tenant itself included; a
// member its stores, passwords too; a viewer reads, and sees no passwords.
const (
	Owner  Role = "owner"
	Member Role = "member"
	Viewer Role = "viewer"
)

// Roles lists them, the mightiest first.
var Roles = []Role{Owner, Member, Viewer}

// Known says whether this is a role at all.
func (r Role) Known() bool { return slices.Contains(Roles, r) }

// Within is the role as far as another allows it: of the two the one that may do less. Nobody's where either is none.
func (r Role) Within(other Role) Role {
	i := max(slices.Index(Roles, r), slices.Index(Roles, other))
	if !r.Known() || !other.Known() {
		return ""
	}
	return Roles[i]
}
