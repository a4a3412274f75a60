package rights

import (
	"fmt"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Refusal: somebody may not do this. What is missing is told, as it is about who asks alone.
type Refusal struct {
	Action Action
	who    principal.Principal
}

func (r *Refusal) Error() string { return fmt.Sprintf("may not %s: %s", r.Action, r.Missing()) }

// TakesKey says that only the admin key opens this, at a gateway without accounts.
func (r *Refusal) TakesKey() bool {
	return r.who.Kind() == principal.ByAddress || r.who.Kind() == principal.AtHand
}

// Missing is what it takes, as a sentence for people.
func (r *Refusal) Missing() string {
	row := table[r.Action]
	switch {
	case r.TakesKey() && r.Action == ReadPasswords:
		return "Passwords are shown to the holder of ADMIN_API_KEY only. Send it as X-Api-Key or as a bearer token."
	case r.TakesKey():
		return "This is the operator's. Send ADMIN_API_KEY as X-Api-Key or as a bearer " +
			"token; where none is set, ask from the gateway's own machine."
	case r.Action.Personal() && r.who.Kind() == principal.ByKey:
		return "This is about an account, and the admin key is nobody's."
	case r.Action.Personal():
		return "This takes somebody who has signed in; an API token isn't enough."
	case !r.who.Holds(row.scope):
		return fmt.Sprintf("The API token lacks the scope %s.", row.scope)
	case !row.role.Known():
		return "This is for operators of the platform."
	case r.who.Tenant() == "":
		return "This is done for a tenant: name one of yours in the header X-Tenant."
	case row.changes && r.who.Suspended():
		return "The tenant is suspended: its stores run on, and its people may only read."
	case r.who.Kind() == principal.ByToken:
		return fmt.Sprintf("This takes the role %s in the tenant, and the API token is a %s's.", row.role, r.who.Role())
	case !r.who.Role().Known():
		return fmt.Sprintf("This takes the role %s in the tenant, and you are no member of it.", row.role)
	}
	return fmt.Sprintf("This takes the role %s in the tenant, and yours is %s.", row.role, r.who.Role())
}

// Refuse is why somebody may not do something: a *Refusal, or of nobody principal.ErrNobody.
func Refuse(p principal.Principal, a Action) error {
	if !p.Known() {
		return principal.ErrNobody
	}
	return &Refusal{Action: a, who: p}
}

// Check is nil where somebody may do it to anybody's at all, and else why not.
func Check(p principal.Principal, a Action) error {
	if May(p, a) {
		return nil
	}
	return Refuse(p, a)
}
