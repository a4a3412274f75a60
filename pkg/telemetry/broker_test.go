package telemetry_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// Also before it has ever had it: who waits for its first broker would otherwise be taken for one that says nothing.
func TestOperatorsAreToldWhetherAServiceHasTheBroker(t *testing.T) {
	reader := metric.NewManualReader()
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	told := func(want string) {
		t.Helper()
		waittest.Eventually(t, func() error {
			var all metricdata.ResourceMetrics
			if err := reader.Collect(t.Context(), &all); err != nil {
				return err
			}
			got := "nothing"
			for _, scope := range all.ScopeMetrics {
				for _, m := range scope.Metrics {
					for _, point := range m.Data.(metricdata.Gauge[int64]).DataPoints {
						got = fmt.Sprint(m.Name, " ", point.Value)
					}
				}
			}
			if got != want {
				return fmt.Errorf("told %s, want %s", got, want)
			}
			return nil
		})
	}
	door := bustest.NewDoor(t)
	reached := make(chan error, 1)
	go func() {
		nc, err := telemetry.Connected(func() (*nats.Conn, error) {
			return config.NATS{URL: "nats://" + door.Address}.Connect(t.Context(), "test", nil)
		})
		if err == nil {
			t.Cleanup(nc.Close)
		}
		reached <- err
	}()
	told("broker.connected 0")
	door.LeadTo(bustest.StartServer(t, &server.Options{}).Addr().String())
	if err := <-reached; err != nil {
		t.Fatal(err)
	}
	told("broker.connected 1")
	door.Cut()
	told("broker.connected 0")
}
