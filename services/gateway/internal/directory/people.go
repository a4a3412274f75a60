package directory

import (
	"time"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Account is somebody who may sign in.
type Account struct {
	ID string `json:"id"`
	// Email is as its owner writes it; it is found by the digest of how it is compared.
	Email string `json:"email"`
	Name  string `json:"name"`
	// Hash is the password's, argon2id in PHC format; empty of who signs in elsewhere only.
	Hash string `json:"hash,omitempty"`
	// Pending: signing up has begun and isn't through. For everybody else there is no such account.
	Pending bool `json:"pending,omitempty"`
	// NewEmail is an address that is to take Email's place once it is proved that its mail is read by who has the account.
	NewEmail string `json:"newEmail,omitempty"`
	// Leads are the keys that may lead here. One that isn't listed doesn't, whatever it says, and is anybody's to take: so no
	// crash between two keys leaves an address that nobody can have.
	Leads []string `json:"leads"`
	// Left are keys that have led here and may be there still.
	Left []string `json:"left,omitempty"`
	// Devices are those that have signed in before, the oldest first.
	Devices []Device `json:"devices,omitempty"`
	// Verified: whoever has the account has read mail at its address, or an operator has vouched for that.
	Verified bool `json:"verified,omitempty"`
	// Operator looks after the platform.
	Operator bool `json:"operator,omitempty"`
	// Tenants are where the account may belong to. Whether it does is the tenant's word: an id stands here before its tenant
	// knows of the member, so that no crash hides a membership, and counts for nothing by itself.
	Tenants []string `json:"tenants,omitempty"`
	// Era is raised by a new password, and by ending all sessions: those of an older one are over.
	Era     uint64    `json:"era"`
	Created time.Time `json:"created"`
}

// Device is a browser, or whatever else keeps cookies, that somebody has signed in with who knew the password.
type Device struct {
	// Sum is the SHA-256 of the secret in its cookie.
	Sum   []byte    `json:"sum"`
	Since time.Time `json:"since"`
}

// Lead leads to an account.
type Lead struct {
	Account string `json:"account"`
	// Nonce tells one claim from another of the same account.
	Nonce string `json:"nonce"`
}

// Tenant owns stores, and has members.
type Tenant struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Members []Member  `json:"members"`
	Limits  Limits    `json:"limits"`
	Created time.Time `json:"created"`
	// Suspended: its stores run on, and its people may only read.
	Suspended bool `json:"suspended,omitempty"`
	// Revision counts its changes, for who has read one and wants to change that one only.
	Revision uint64 `json:"revision"`
	// Change is the newest one's own name, by which its writer finds it when the answer was lost.
	Change string `json:"change,omitempty"`
	// Spent are the invites that nobody may take any more, each for as long as it may still be found.
	Spent []Spent `json:"spent,omitempty"`
}

// Member is an account in a tenant.
type Member struct {
	Account string         `json:"account"`
	Role    principal.Role `json:"role"`
	Since   time.Time      `json:"since"`
	// By is the provider whose word the membership rests on: it stands for as long as that says so. Empty where people have given it.
	By string `json:"by,omitempty"`
}

// Spent is an invite that was taken, or withdrawn.
type Spent struct {
	Invite string `json:"invite"`
	// Account has taken it; empty where it was withdrawn.
	Account string `json:"account,omitempty"`
	// Until is when the invite has gone by itself, wherever it may have been left.
	Until time.Time `json:"until"`
}

// Limits are what an operator has said of one tenant; nil leaves a limit to the gateways' settings.
type Limits struct {
	MaxStores *int `json:"maxStores,omitempty"`
}

// Tokens are those of one account in one tenant: a value of its own, so that their number is exact and all of them end at once.
type Tokens struct {
	Tokens []Token `json:"tokens"`
}

// Token is an API token. What it may do is the least of its role, its scopes and what its account's role is in the tenant now.
type Token struct {
	// ID says whose it is, too: where the token is kept follows from it.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Sum is the SHA-256 of the secret.
	Sum     []byte            `json:"sum"`
	Account string            `json:"account"`
	Tenant  string            `json:"tenant"`
	Role    principal.Role    `json:"role"`
	Scopes  []principal.Scope `json:"scopes"`
	Created time.Time         `json:"created"`
	Expires time.Time         `json:"expires"`
	// LastUsed is about when, to the hour; zero of one that nobody has used.
	LastUsed time.Time `json:"lastUsed,omitzero"`
}

// Session is somebody who has signed in.
type Session struct {
	Account string    `json:"account"`
	Era     uint64    `json:"era"`
	Created time.Time `json:"created"`
	// Elsewhere is sealed under the session's secret: what it says is for its own end only, and is about somebody.
	Elsewhere []byte `json:"elsewhere,omitempty"`
}

// Invite lets whoever has its secret become a member.
type Invite struct {
	ID     string         `json:"id"`
	Tenant string         `json:"tenant"`
	Role   principal.Role `json:"role"`
	// Email is whose account may take it; empty where anybody's may.
	Email string `json:"email,omitempty"`
	// By is the account that has made it; empty of who holds the admin key.
	By string `json:"by,omitempty"`
	// Sum is the SHA-256 of the secret.
	Sum     []byte    `json:"sum"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// Purpose is what a link is good for.
type Purpose string

// The purposes.
const (
	// VerifyEmail: who has it reads mail at the address.
	VerifyEmail Purpose = "verify"
	// ResetPassword: who has it may set another password.
	ResetPassword Purpose = "reset"
	// BecomeOperator: who has it becomes an operator.
	BecomeOperator Purpose = "operator"
)

// Link does one thing, once.
type Link struct {
	Purpose Purpose `json:"purpose"`
	Account string  `json:"account,omitempty"`
	// Address is the key of the lead that stands for the address which it proves, by mail that was read there: the address itself
	// would outlive the account that it is erased with.
	Address string `json:"address,omitempty"`
	// First is of the links that are printed while there is no operator: all of them end when there is one.
	First bool `json:"first,omitempty"`
	// Restored is the restore from a backup behind which it was printed: whoever follows one of these first sees who was restored, and ends the others.
	Restored string `json:"restored,omitempty"`
	// Era is the account's when the link was made: a new password ends links, too.
	Era uint64 `json:"era"`
}
