package up

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/platform"
)

// part is something that `local up` does and that may fail while page and API go on.
type part struct {
	name string
	do   func(context.Context) error
}

// A part that failed is tried again behind a pause, which doubles up to longPause.
const partPause = 2 * time.Second

// persist does these in turn until each has succeeded, and tells whether they have: else ctx has ended. What fails is said,
// and has its next turn when the others have had theirs and a pause is over.
func (r *run) persist(ctx context.Context, parts ...part) bool {
	for failures := 0; len(parts) > 0; failures++ {
		pause := again.Doubled(partPause, longPause, failures)
		parts = slices.DeleteFunc(slices.Clone(parts), func(p part) bool {
			err := p.do(ctx)
			if ctx.Err() != nil {
				return false
			}
			if err != nil {
				r.failed(p.name, err, pause)
				return false
			}
			r.mended(p.name)
			return true
		})
		if len(parts) > 0 && !wait(ctx, pause) {
			return false
		}
	}
	return true
}

// wait tells whether a pause went by before ctx ended.
func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// failed says that a part failed: on the terminal all of it, to `local status` and on the board, where stores wait for the
// part, its first line.
func (r *run) failed(part string, err error, pause time.Duration) {
	line, _, _ := strings.Cut(err.Error(), "\n")
	r.Terminal.Say(part, "failed, and is tried again in %s: %v", pause, err)
	r.estimate.stop(part)
	r.mu.Lock()
	r.trouble[part] = line
	// Or the same words, when it is tried again, would seem to have been said.
	r.words = ""
	r.mu.Unlock()
	if slices.Contains([]string{provisioner, janitor, edge, imagesName, kubernetesName}, part) {
		r.board.say(platform.Cluster{Part: part, Message: fmt.Sprintf("%s failed, and is tried again: %s", part, line)})
	}
	r.report()
}

// mended says that a part which may have failed no longer does.
func (r *run) mended(part string) {
	r.mu.Lock()
	_, had := r.trouble[part]
	delete(r.trouble, part)
	r.mu.Unlock()
	if had {
		r.report()
	}
}
