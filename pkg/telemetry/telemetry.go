// Package telemetry is how a service speaks to its operator: structured logs, traces that follow a command through the
// log and over process borders, and metrics. Services call Start once and use slog and otel from then on.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0" // that of the SDK: another would be compiled beside it

	"github.com/store-platform/store-platform/pkg/version"
)

// Config is part of every service's configuration.
type Config struct {
	LogLevel string `name:"log-level" env:"LOG_LEVEL" default:"info" enum:"debug,info,warn,error" told:"whole" help:"Least severe log line to write (debug, info, warn, error)."`
	OTLP     string `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" told:"url" help:"Where traces go by OTLP/HTTP (http://host:4318). OTEL_EXPORTER_OTLP_HEADERS, a variable alone, is what they are sent with (authorization=Bearer%20key). Empty: nowhere."`
}

// Start makes the process's logger, tracer and meter and returns a function that flushes them.
func Start(ctx context.Context, service string, cfg Config) (func(context.Context) error, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return nil, fmt.Errorf("LOG_LEVEL: %w", err)
	}
	handler := slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})
	slog.SetDefault(slog.New(handler).With("service", service))
	slog.Info("starting", "version", version.String())

	about := resource.NewSchemaless(semconv.ServiceName(service), semconv.ServiceVersion(version.String()))
	// Whoever reads the metrics tells the services apart by this, whatever scrapes them and calls them.
	reader, err := promexporter.New(promexporter.WithResourceAsConstantLabels(attribute.NewAllowKeysFilter(semconv.ServiceNameKey)))
	if err != nil {
		return nil, fmt.Errorf("start metrics: %w", err)
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(about))
	otel.SetMeterProvider(meters)
	otel.SetTextMapPropagator(propagation.TraceContext{})

	traces, err := tracerProvider(ctx, about, cfg.OTLP)
	if err != nil {
		return nil, err
	}
	otel.SetTracerProvider(traces)
	return func(ctx context.Context) error {
		return errors.Join(traces.Shutdown(ctx), meters.Shutdown(ctx))
	}, nil
}

// tracerProvider samples everything: a create is a dozen spans. Without an endpoint spans exist, so that logs and
// messages carry a trace id, but go nowhere.
func tracerProvider(ctx context.Context, about *resource.Resource, endpoint string) (*sdktrace.TracerProvider, error) {
	if endpoint == "" {
		return sdktrace.NewTracerProvider(sdktrace.WithResource(about)), nil
	}
	// The exporter would log one that it can't read, with what is in it, and go on to a collector on this machine.
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT: must be like http://host:4318")
	}
	if err := checkHeaders(); err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("start traces to OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	return sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about)), nil
}

// headerName is a name that HTTP takes.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// checkHeaders refuses headers for traces that the exporter couldn't read: it would log them, and what is in them may be a key to
// where traces go.
func checkHeaders() error {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for i, header := range strings.Split(os.Getenv(variable), ",") {
			name, value, found := strings.Cut(header, "=")
			_, err := url.PathUnescape(value)
			if header != "" && (!found || err != nil || !headerName.MatchString(strings.TrimSpace(name))) {
				return fmt.Errorf("%s: the header at place %d isn't name=value, percent-encoded", variable, i+1)
			}
		}
	}
	return nil
}

// During runs a service with what Start sets up. Programs call it, once.
func During(ctx context.Context, service string, cfg Config, run func(context.Context) error) error {
	flush, err := Start(ctx, service, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = flush(context.WithoutCancel(ctx)) }()
	return run(ctx)
}
