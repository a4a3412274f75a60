package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/invariants"
)

// atRest waits until there is nothing more to be said of any store. The log alone doesn't tell: of what an operation left that
// was called off it says nothing until a keeper has found it.
func (l *Lab) atRest(ctx context.Context) error {
	return waittest.Until(ctx, func() error {
		asking, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := l.follower.resting(asking); err != nil {
			return err
		}
		for _, s := range l.follower.undone() {
			releases, err := invariants.Deployed(asking, l.api, s.ID.Namespace())
			if err != nil {
				return err
			}
			for _, release := range releases {
				if why := invariants.Astray(s, release.Values); why != "" {
					return fmt.Errorf("store %s was left at %d with %s", s.ID, s.Version, why)
				}
			}
		}
		return nil
	})
}
