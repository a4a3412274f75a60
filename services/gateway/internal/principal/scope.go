package principal

import "slices"

// Scope is a part of what an API token may do: at most that, and at most what its account's role allows.
type Scope string

// The scopes.
const (
	// ReadStores: stores with their histories and links, and the feed.
	ReadStores Scope = "stores:read"
	// WriteStores: creating, changing and deleting them; who may write may read.
	WriteStores Scope = "stores:write"
	// ReadPasswords: those that were generated for stores.
	ReadPasswords Scope = "passwords:read"
	// ManageTenant: its members, invites, tokens and name.
	ManageTenant Scope = "tenant:manage"
	// Operate: what operators may beside.
	Operate Scope = "platform:operate"
)

// TokenScopes lists them, as they are shown.
var TokenScopes = []Scope{ReadStores, WriteStores, ReadPasswords, ManageTenant, Operate}

// Known says whether this is a scope at all.
func (s Scope) Known() bool { return slices.Contains(TokenScopes, s) }

// scopes is a set of them.
type scopes uint8

// all is what nothing holds back.
const all scopes = 1<<8 - 1

// setOf holds what comes with others, too: who may write may read.
func setOf(some ...Scope) scopes {
	var set scopes
	for _, scope := range some {
		set |= bit(scope)
		if scope == WriteStores {
			set |= bit(ReadStores)
		}
	}
	return set
}

// bit is nothing of what is no scope.
func bit(scope Scope) scopes {
	i := slices.Index(TokenScopes, scope)
	if i < 0 {
		return 0
	}
	return 1 << i
}
