package storelog

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"net/netip"
	"strings"
)

const (
	// LoopbackTenant is every process of the gateway's machine, over IPv4 or IPv6: a browser may take either from one click
	// to the next.
	LoopbackTenant = "ip:loopback"

	addressPrefix = "ip:"
	// tenantKeyLength is what SHA-256 makes the most of, digestLength what leaves no two networks alike; both in bytes.
	tenantKeyLength = sha256.Size
	digestLength    = 15
)

var digestEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Naming is how a log names the tenants of open mode, where who asks is known by an address alone. A name is on the log for
// ever, and an address is personal: so a log is made with a key, and the name is a digest under it. A digest alone would
// tell the address to whoever tries all four billion.
//
// Logs that are older have no key and never get one. There names stay addresses in clear, because a tenant with another
// name has lost its stores.
//
// The zero value is no log's: it names nobody but this machine.
type Naming struct {
	inClear bool
	key     []byte
}

// NamingOf is that of the log with this metadata. Under a key that can't be read it is nobody's: any other name would be a
// wrong one.
func NamingOf(metadata map[string]string) Naming {
	text, keyed := metadata[metaTenantKey]
	if !keyed {
		return Naming{inClear: true}
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != tenantKeyLength {
		return Naming{}
	}
	return Naming{key: key}
}

// Tenant names who asks from the address; empty where that can't be told. Who has one IPv6 address has its whole /64.
func (n Naming) Tenant(address netip.Addr) string {
	address = address.Unmap()
	network := address.String()
	if address.Is6() {
		network = netip.PrefixFrom(address, 64).Masked().String()
	}
	switch {
	case !address.IsValid():
		return ""
	case address.IsLoopback():
		return LoopbackTenant
	case n.inClear:
		return addressPrefix + network
	case n.key == nil:
		return ""
	}
	digest := hmac.New(sha256.New, n.key)
	digest.Write([]byte(network))
	return addressPrefix + digestEncoding.EncodeToString(digest.Sum(nil)[:digestLength])
}

// Names says whether this is how the log names a tenant of open mode: by no other name is anybody ever known here. Whether there
// is somebody, nothing can tell.
func (n Naming) Names(tenant string) bool {
	text, ok := strings.CutPrefix(tenant, addressPrefix)
	if !ok || tenant == LoopbackTenant {
		return ok
	}
	if !n.inClear {
		digest, err := digestEncoding.DecodeString(text)
		return n.key != nil && err == nil && len(digest) == digestLength && digestEncoding.EncodeToString(digest) == text
	}
	network, _, _ := strings.Cut(text, "/")
	address, err := netip.ParseAddr(network)
	return err == nil && n.Tenant(address) == tenant
}

// Naming is how this log names tenants, for as long as there is this log. The gateway's door asks it, and nobody shows it.
func (l *Log) Naming() Naming { return l.naming }

// newTenantKey is for a log that is only being made.
func newTenantKey() string {
	key := make([]byte, tenantKeyLength)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}
