package lease

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// lastWords bounds what is still said to the broker when a term is over.
const lastWords = 5 * time.Second

// Hold renews the term, three times in its life, until release is called, which ends it: also after ctx has ended, since what was
// begun by then may take longer than the lease. The context that it returns ends with ctx or with the term, and the cause is then
// ErrLost. Nobody else may renew or release the term meanwhile.
func (l *Lease) Hold(ctx context.Context) (held context.Context, release func()) {
	held, lose := context.WithCancelCause(ctx)
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(l.bucket.ttl / 3)
		defer ticker.Stop()
		for {
			select {
			case <-renewing.Done():
				return
			case <-ticker.C:
			}
			err := l.Renew(renewing)
			if errors.Is(err, ErrLost) || l.Remaining() <= 0 {
				lose(ErrLost)
			}
			if err != nil && renewing.Err() == nil {
				slog.WarnContext(renewing, "renew a lease", "lease", l.key, "remaining", l.Remaining(), "error", err)
			}
		}
	}()
	return held, func() {
		stop()
		<-stopped
		lose(nil)
		l.end(renewing)
	}
}

func (l *Lease) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if err := l.Release(ctx); err != nil {
		slog.WarnContext(ctx, "release a lease; it runs out by itself", "lease", l.key, "error", err)
	}
}
