package provisioner_test

import (
	"context"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const podNotPulled = `{"status":{"containerStatuses":[{"name":"shop","image":"shop","imageID":"","ready":false,"restartCount":0,
	"state":{"waiting":{"reason":"ImagePullBackOff","message":"failed to authorize: 401 Unauthorized"}}}]}}`

// What an installation doesn't say of its stores, or says wrongly, its first store says in words, with the setting's name.
func TestAStoreSaysWhichSettingItsClusterWants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ settings, pods, reason, sentence, setting string }{
		"behind a private registry": {"", podNotPulled, "ImagePullBackOff", "asks for credentials", "pullSecrets in STORES_SETTINGS"},
		"with names elsewhere": {
			"dns: [{namespace: {kubernetes.io/metadata.name: nowhere}, pods: {app: resolver}}]", podCrashes,
			"DNSElsewhere", "ask for names", "set dns in STORES_SETTINGS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.environment = []string{says(t, c.settings)}
			b.start("provisioner")
			id := b.create()
			clustertest.Eventually(t, "the store has pods", func(ctx context.Context) (bool, error) {
				pods, err := b.api.Admin.CoreV1().Pods(id.Namespace()).List(ctx, metav1.ListOptions{})
				return err == nil && len(pods.Items) > 0, err
			})
			b.setPods(id, c.pods)
			said := b.await(id, "what is wrong", func(e storelog.Entry) bool {
				return e.Message.Type == store.RetryScheduled && e.Message.Facts.Step == "workloads"
			}).Message.Facts
			if said.Reason != c.reason || !strings.Contains(said.Message, c.sentence) || !strings.Contains(said.Detail, c.setting) {
				t.Errorf("it says %+v", said)
			}
		})
	}
}
