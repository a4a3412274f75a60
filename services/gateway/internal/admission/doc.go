// Package admission turns a wish into a command on the log, or into the reason why not.
//
// It decides from the log alone: the store's last message, never the read model, so that writes work while the
// projection is down. Every append is fenced by the version it was decided from, so two clicks, two gateways or a
// gateway that was asleep can't both win.
//
// A create reads the store first, then claims a place in the tenant's quota, then appends. It gives the claim back where
// the log has refused the message for certain; when it dies in between, or can't tell, the janitor finds a claim without a
// store. The other order would let two gateways exceed the quota together.
package admission
