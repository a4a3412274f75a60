// Package compose holds no code: its tests run docker-compose.yaml on a real Docker daemon, with README's commands as they stand
// there. The daemon is one of their own, in namespaces of its own, so that neither its networks nor the ports that it publishes
// are this machine's. No image registry is asked: what the files name as bases is made here, by Debian's packages, this
// machine's Go and the broker's module, under those names.
//
// The one thing that isn't what it is called is k3s: its image holds kubectl and relays, and what looks like its API and its
// ingress are those of the tests' own cluster, by doors in the daemon's network.
package compose
