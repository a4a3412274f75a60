package store

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
)

// ID names a store for ever: 12 characters of [a-z0-9], the first a letter, so that "store-<id>" is a DNS label.
type ID string

const idLength = 12

var (
	idPattern  = regexp.MustCompile(`^[a-z][a-z0-9]{11}$`)
	idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

// ParseID refuses anything that isn't an ID. What comes from outside passes here before it becomes part of a subject,
// where a dot or a star would reach other stores.
func ParseID(s string) (ID, error) {
	if !idPattern.MatchString(s) {
		return "", fmt.Errorf("%q is no store id: 12 characters a-z and 0-9, the first a letter", s)
	}
	return ID(s), nil
}

// NewID makes an ID of at least 8 random bytes (55 bits of them are used).
func NewID(random []byte) ID {
	text := idEncoding.EncodeToString(random)
	return ID("s" + strings.ToLower(text)[:idLength-1])
}

// DeriveID makes the same ID of the same tenant and idempotency key, always: a repeated create finds its own store
// without a table of keys.
func DeriveID(tenant, key string) ID {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%d:%s%s", len(tenant), tenant, key)))
	return NewID(sum[:])
}

// Namespace is the Kubernetes namespace that holds the store and nothing else.
func (id ID) Namespace() string { return "store-" + string(id) }
