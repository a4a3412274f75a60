package keep

import (
	"context"
	"log/slog"
	"time"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// keyBefore is the lease under which one keeper of the release before keeps all stores. Beside these it is to keep none: it
// asks no shop for its check, so what these call Degraded for that it would call well again, every few seconds, and it holds
// stores against charts of its own. All of this file can go when no such release runs any more.
const keyBefore = "keeper"

// lifting bounds what is said to the broker at the end.
const lifting = 5 * time.Second

// barBefore keeps the keepers of the release before from the stores. One that has them hears of it at its next renewal;
// until then two say what they see.
func (k *Keeper) barBefore(ctx context.Context) error {
	if k.bar != nil && k.bar.Remaining() > k.clock.Of(storelog.LeaseTTL)/2 {
		return nil
	}
	bar, err := k.leases.Seize(ctx, keyBefore, k.cfg.Holder)
	if err == nil {
		k.bar = bar
	}
	return err
}

// liftBar lets them have the stores at once when the last of these has ended, as on the way back to that release.
func (k *Keeper) liftBar(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lifting)
	defer cancel()
	alone := func() (bool, error) {
		members, err := k.leases.Held(ctx, memberPrefix+"*")
		return err == nil && len(members) == 0, err
	}
	last, err := alone()
	if last {
		// The newest word may be that of one that has ended before.
		k.bar, err = k.leases.Seize(ctx, keyBefore, k.cfg.Holder)
	}
	if last && err == nil {
		// Who has begun meanwhile trusts a bar of its own, which this one is in the place of.
		if last, err = alone(); last {
			err = k.bar.Release(ctx)
		}
	}
	if err != nil {
		slog.WarnContext(ctx, "leave the stores to the release before; it has them when a lease has run out", "error", err)
	}
	k.bar = nil
}
