package work

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// readMeasures is what a scrape would show: of durations how many there were, and of an age whether there is one.
func readMeasures(t *testing.T, reader *sdkmetric.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	values := map[string]int64{}
	name := func(of string, by attribute.Set) string {
		return fmt.Sprintf("%s %s", of, by.Encoded(attribute.DefaultEncoder()))
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				for _, point := range data.DataPoints {
					values[name(m.Name, point.Attributes)] = point.Value
				}
			case metricdata.Gauge[float64]:
				for _, point := range data.DataPoints {
					if point.Value > 0 {
						values[name(m.Name, point.Attributes)] = 1
					}
				}
			case metricdata.Histogram[float64]:
				for _, point := range data.DataPoints {
					values[name(m.Name, point.Attributes)] = int64(point.Count)
				}
			}
		}
	}
	return values
}

// What a worker is busy with, and how its attempts ended, is what operators scale it by.
func TestAWorkerIsMeasured(t *testing.T) {
	b := setup(t)
	reader := sdkmetric.NewManualReader()
	entered, leave := make(chan struct{}), make(chan struct{})
	var refused atomic.Bool
	h := provisioner(step("namespace", succeed), step("release", func(context.Context) error {
		if refused.CompareAndSwap(false, true) {
			return errors.New("not yet")
		}
		close(entered)
		<-leave
		return nil
	}))
	w, err := New(t.Context(), b.log, h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: 3, Standing: 2, Holder: "one"})
	if err != nil {
		t.Fatal(err)
	}
	w.timing, w.meter = quick, sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("work")
	b.run(w)
	created := b.command(store.Create)
	<-entered
	want := map[string]int64{
		"work.slots lane=all": 3, "work.slots lane=standing": 2, "work.busy lane=all": 1, "work.busy lane=standing": 0, "work.backlog ": 1, "work.backlog.age ": 1,
		"work.step.duration step=namespace": 2, "work.step.duration step=release": 1, "work.attempt.duration ended=retried,verb=create": 1,
	}
	have := readMeasures(t, reader)
	delete(have, "work.resting ") // the first delivery's rest may be over or not
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("while it works: %s", diff)
	}
	close(leave)
	b.awaitType(store.BecameReady)
	b.awaitAcknowledged(created.Generation)
	have = readMeasures(t, reader)
	if have["work.backlog "] != 0 || have["work.backlog.age "] != 0 {
		t.Errorf("when it is done there is work left: %v", have)
	}
	if have["work.attempt.duration ended=done,verb=create"] != 1 || have["work.step.duration step=release"] != 2 {
		t.Errorf("when it is done: %v", have)
	}
}
