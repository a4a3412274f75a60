package work

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// crashesAtLarge is how many attempts of a command may end with their worker before it is tried alone.
const crashesAtLarge = 2

// A command that kills its worker takes the attempts of all that the process works on beside it; five times, and every
// one of them has failed. So what was there at two crashes is a suspect, and of a hand's suspects one is tried at a
// time, wherever its workers run: the innocent are done at their third attempt, and the one that kills is left.
func (j *job) suspect() bool {
	crashes := j.state.Crashes
	if j.state.Working {
		crashes++ // the attempt that is about to be started will show it
	}
	return crashes >= crashesAtLarge
}

// quarantineKey is no store's: ids have no dash.
func quarantineKey(hand string) string { return "suspect-" + hand }

// recovered makes a panic the failure of the attempt in which it happened instead of the end of the process. What
// panicked may hold a password, so it is told to nobody.
func recovered(ctx context.Context, err *error) {
	panicked := recover()
	if panicked == nil {
		return
	}
	slog.ErrorContext(ctx, "panic in an attempt", "type", fmt.Sprintf("%T", panicked), "stack", string(debug.Stack()))
	*err = &Transient{Reason: "Panicked", Message: "The platform stumbled over this store; its log says where."}
}
