package events

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/store-platform/store-platform/services/events/internal/projection"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// sayEvery is how often a rebuild's progress is written.
const sayEvery = 2 * time.Second

// Rebuild drops the read model and replays the log into it, writing to out how far that is. Replicas that run go on
// running: meanwhile they answer that the read model is being made anew, and the feed goes on.
func Rebuild(ctx context.Context, cfg Config, out io.Writer) error {
	pool, err := readmodel.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	nc, err := cfg.NATS.Connect(ctx, serviceName+" rebuild", nil)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := readmodel.Migrate(ctx, pool); err != nil {
		return err
	}
	p := &pace{out: out, began: time.Now()}
	if err := projection.Rebuild(ctx, nc, pool, p.tell); err != nil {
		return err
	}
	fmt.Fprintf(out, "rebuilt from %d messages in %s\n", p.total, time.Since(p.began).Round(time.Millisecond))
	return nil
}

// pace turns counts into lines.
type pace struct {
	out         io.Writer
	began, said time.Time
	total       uint64
}

func (p *pace) tell(done, total uint64) {
	p.total = total
	if time.Since(p.said) < sayEvery || done == total {
		return
	}
	p.said = time.Now()
	rate := float64(done) / time.Since(p.began).Seconds()
	line := fmt.Sprintf("%d of %d messages", done, total)
	if done > 0 {
		left := time.Duration(float64(total-done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %.0f/s, %s left", rate, left.Round(time.Second))
	}
	fmt.Fprintln(p.out, line)
}
