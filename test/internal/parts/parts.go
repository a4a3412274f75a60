// Package parts runs the parts of the platform as the processes that they are in production: the built services, the
// broker with the deployed users and an fsync per write, PostgreSQL. It is the one way in which tests start them; who uses
// it (bench, chaos, and release for upgrades and hostile requests) decides what becomes of them.
package parts

import (
	"os"
	"slices"
	"strings"
)

// GoEnvironment builds as deploy/local does: with other flags the same packages would be compiled once more.
func GoEnvironment() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath"))
}

// Environment is this program's without what its make, or a user's settings for a platform, would change.
func Environment(more ...string) []string {
	ours := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "HELM_") {
			return true
		}
		switch name {
		case "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "KUBE_CONTEXT", "OTEL_EXPORTER_OTLP_ENDPOINT", "LOG_LEVEL", "SLOTS":
			return true
		}
		return false
	})
	return append(ours, more...)
}
