package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/store-platform/store-platform/pkg/platform"
)

// shown is how many ids of a kind a report names.
const shown = 20

// findings are ids by what was found of them.
type findings map[platform.FindingKind][]string

func (f findings) add(kind platform.FindingKind, id string) { f[kind] = append(f[kind], id) }

func (f findings) count(kind platform.FindingKind) int { return len(f[kind]) }

func (f findings) listed() []platform.Finding {
	listed := []platform.Finding{}
	for _, kind := range platform.FindingKinds {
		ids := f[kind]
		if len(ids) == 0 {
			continue
		}
		slices.Sort(ids)
		listed = append(listed, platform.Finding{Kind: kind, Count: len(ids), IDs: ids[:min(shown, len(ids))]})
	}
	return listed
}

// tell writes one line when there is news: what the sweep before found too is in the report, once a minute, and would be
// noise here.
func (s *Sweeper) tell(ctx context.Context, last, swept platform.Sweep) {
	s.newest.Store(&swept)
	level := slog.LevelDebug
	if swept.Submitted > 0 || !reflect.DeepEqual(matter(last), matter(swept)) {
		level = slog.LevelInfo
		if swept.Alarm != nil {
			level = slog.LevelWarn
		}
	}
	attrs := []any{"namespaces", swept.Namespaces, "stores", swept.Stores, "submitted", swept.Submitted, "findings", inWords(swept.Findings)}
	if swept.Paused != "" {
		attrs = append(attrs, "paused", swept.Paused)
	}
	if swept.Alarm != nil {
		attrs = append(attrs, "reason", swept.Alarm.Reason, "message", swept.Alarm.Message)
	}
	slog.Log(ctx, level, "swept", attrs...)
}

// matter is what makes a report worth a line.
func matter(s platform.Sweep) platform.Sweep {
	kept := platform.Sweep{Paused: s.Paused, Alarm: s.Alarm}
	if len(s.Findings) > 0 {
		kept.Findings = s.Findings
	}
	return kept
}

func inWords(all []platform.Finding) string {
	words := make([]string, len(all))
	for i, f := range all {
		words[i] = fmt.Sprintf("%d %s (%s)", f.Count, f.Kind, strings.Join(f.IDs, " "))
	}
	return strings.Join(words, ", ")
}

// measure makes the gauges of the newest sweep, whichever process made it. Its age grows when none comes to an end.
func (s *Sweeper) measure() error {
	meter := otel.Meter("sweep")
	found, err := meter.Int64ObservableGauge("sweep.findings", metric.WithDescription("What the newest sweep found, by kind"))
	if err != nil {
		return fmt.Errorf("make the gauges of sweeps: %w", err)
	}
	alarm, err := meter.Int64ObservableGauge("sweep.alarm", metric.WithDescription("1 when the newest sweep says that somebody has to look"))
	if err != nil {
		return fmt.Errorf("make the gauges of sweeps: %w", err)
	}
	paused, err := meter.Int64ObservableGauge("sweep.paused", metric.WithDescription("1 when sweeps only look, by an operator's wish or after a restore"))
	if err != nil {
		return fmt.Errorf("make the gauges of sweeps: %w", err)
	}
	age, err := meter.Float64ObservableGauge("sweep.age", metric.WithUnit("s"), metric.WithDescription("How long ago the newest sweep was"))
	if err != nil {
		return fmt.Errorf("make the gauges of sweeps: %w", err)
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		newest := s.newest.Load()
		if newest == nil || newest.At.IsZero() {
			return nil
		}
		counts := map[platform.FindingKind]int{}
		for _, f := range newest.Findings {
			counts[f.Kind] = f.Count
		}
		for _, kind := range platform.FindingKinds {
			o.ObserveInt64(found, int64(counts[kind]), metric.WithAttributes(attribute.String("kind", string(kind))))
		}
		o.ObserveInt64(alarm, oneIf(newest.Alarm != nil))
		o.ObserveInt64(paused, oneIf(newest.Paused != ""))
		o.ObserveFloat64(age, s.cfg.Now().Sub(newest.At).Round(time.Second).Seconds())
		return nil
	}, found, alarm, paused, age)
	if err != nil {
		return fmt.Errorf("register the gauges of sweeps: %w", err)
	}
	return nil
}

func oneIf(so bool) int64 {
	if so {
		return 1
	}
	return 0
}
