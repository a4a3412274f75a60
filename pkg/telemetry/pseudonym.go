package telemetry

import (
	"crypto/sha256"
	"encoding/hex"
)

// Pseudonym stands for a tenant in logs and traces. A tenant may be an address or an e-mail, which is personal; its
// pseudonym tells one from another and says no more.
func Pseudonym(tenant string) string {
	sum := sha256.Sum256([]byte(tenant))
	return "t-" + hex.EncodeToString(sum[:4])
}
