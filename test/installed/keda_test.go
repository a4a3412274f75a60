package installed_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/keda"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// isMeasured holds that KEDA's scaler, asking where the chart has it ask, finds of three brokers the one that knows, by addresses that
// the policy lets it have: nothing is to do, which nobody else would say. How that rises and falls is test/scaling's.
func (i *installation) isMeasured(t *testing.T) {
	t.Helper()
	client := &http.Client{Transport: i.within(t, process(t, i.Pods(t, i.namespaceOf(autoscaler), "")[0]))}
	for _, worker := range []store.Hand{store.Provisioner, store.Janitor} {
		s := keda.Scaler{
			Endpoint: fmt.Sprintf("store-platform-nats-peers.%s.svc:8222", i.Namespace),
			Stream:   storelog.Stream, Consumer: storelog.Durable(string(worker), store.DefaultCluster), Client: client,
		}
		waittest.Eventually(t, func() error {
			lag, err := s.Lag(t.Context())
			if err == nil && lag != 0 {
				err = fmt.Errorf("%s has %d before it", worker, lag)
			}
			return err
		})
	}
}

// within sends requests from where a pod's process is, which asks the cluster for names as pods do.
func (i *installation) within(t *testing.T, pid int) *http.Transport {
	t.Helper()
	names := net.JoinHostPort(i.serviceIP(t, "kube-system", "kube-dns"), "53")
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return platform.DialIn(ctx, pid, network, names)
	}}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if net.ParseIP(host) == nil {
			// Pods are told to look below the cluster's domain by themselves.
			found, err := resolver.LookupHost(ctx, host+".cluster.local.")
			if err != nil {
				return nil, err
			}
			host = found[0]
		}
		return platform.DialIn(ctx, pid, network, net.JoinHostPort(host, port))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
