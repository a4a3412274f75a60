package cluster_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

// Programs that may ask nobody for names end, or wait for each other without a word. What is to be done about that is in no
// log of theirs.
func TestAwaitWorkloadsKnowsAStoreThatMayAskNobodyForNames(t *testing.T) {
	t.Parallel()
	const elsewhere = "dns: [{namespace: {kubernetes.io/metadata.name: nowhere}, pods: {app: resolver}}"
	silent := running()
	silent.Conditions, silent.ContainerStatuses[0].Ready = nil, false
	for name, c := range map[string]struct {
		settings string
		status   corev1.PodStatus
		reason   string
	}{
		"one that ends":           {elsewhere + "]", waiting("CrashLoopBackOff", 3), "DNSElsewhere"},
		"one that waits":          {elsewhere + "]", silent, "DNSElsewhere"},
		"one without an image":    {elsewhere + "]", waiting("ImagePullBackOff", 0), "ImagePullBackOff"},
		"where there is a server": {"", waiting("CrashLoopBackOff", 3), "CrashLoopBackOff"},
		"behind a network":        {elsewhere + ", {network: 169.254.20.10/32}]", waiting("CrashLoopBackOff", 3), "CrashLoopBackOff"},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := cluster.ParseSettings([]byte(c.settings))
			if err != nil {
				t.Fatal(err)
			}
			b := setup(t)
			b.provisioner = connectSaying(t, b.api, clustertest.Provisioner, true, settings)
			op := b.isolated(t)
			b.deploy(t, "64Mi")
			ended := await(within(t, 10*time.Second), op, awaited(b.id))
			b.runPods(t, "registry.example/shop:1", c.status)
			err = <-ended
			wantKind(t, err, cluster.Transient, c.reason)
			var e *cluster.NotReadyError
			named := errors.As(err, &e) && strings.Contains(e.Detail, "set dns in STORES_SETTINGS") && strings.Contains(e.Detail, "app=resolver")
			if named != (c.reason == "DNSElsewhere") {
				t.Errorf("it says %+v", e)
			}
		})
	}
}
