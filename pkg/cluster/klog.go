package cluster

import (
	"context"
	"log/slog"
	"sync"

	"k8s.io/klog/v2"
)

var klogOnce sync.Once

// logThroughSlog sends what client-go says to slog. klog is one per process, so this is too.
func logThroughSlog() {
	klogOnce.Do(func() { klog.SetSlogLogger(slog.Default()) })
}

// maxWarnings bounds how many different warnings of the API server are remembered, and so logged.
const maxWarnings = 100

// warnings logs each warning of the API server once: the same chart draws the same ones for every store.
type warnings struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (w *warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if code != 299 || text == "" || !w.isNew(text) {
		return
	}
	slog.WarnContext(ctx, "the API server warns", "warning", text)
}

func (w *warnings) isNew(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[text] || len(w.seen) >= maxWarnings {
		return false
	}
	if w.seen == nil {
		w.seen = make(map[string]bool)
	}
	w.seen[text] = true
	return true
}
