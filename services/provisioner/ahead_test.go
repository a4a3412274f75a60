package provisioner_test

import (
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// A log that was restored knows less than the cluster. What it doesn't know of is told, and nothing is changed back, whoever
// asks for it; its removal may be asked for. What it knows is kept as ever.
func TestWhatTheLogDoesNotKnowOfIsNotChangedBack(t *testing.T) {
	b := setup(t).serving()
	before := b.start("provisioner")
	b.start("janitor")
	known := b.ready()
	backup := b.state(known).Version
	lost, doomed := b.ready(), b.ready()
	before.kill()
	b.restoreFrom(backup)
	b.environment = []string{says(t, "nodeSelector: {pool: shops}")}
	b.start("provisioner")
	for _, id := range []store.ID{lost, doomed} {
		b.awaitDegraded(id, cluster.ReasonAhead, "remove the namespace's annotation store-platform.io/generation")
	}
	b.awaitType(known, store.RefreshCommand)
	b.awaitEnds(known, 2)

	if err := tamperings["a Service removed"].tamper(b, lost); err != nil {
		t.Fatal(err)
	}
	if err := b.ask(lost, store.Mend); err != nil {
		t.Fatal(err)
	}
	b.awaitEnds(lost, 2)
	if f := b.awaitType(lost, store.BecameFailed).Message.Facts; f.Reason != cluster.ReasonAhead || f.Step != "namespace" || f.Message == "" {
		t.Errorf("a mend that was asked for says %+v", f)
	}
	if err := tamperings["a Service removed"].there(b, lost); !apierrors.IsNotFound(err) {
		t.Errorf("something was changed back: %v", err)
	}
	if s := b.state(lost); s.Status != store.Degraded || s.URL == "" || b.count(lost, store.RefreshCommand) > 0 {
		t.Errorf("the store is %s at %q:\n%s", s.Status, s.URL, b.told(lost))
	}
	b.command(doomed, store.DeleteCommand, nil)
	b.awaitType(doomed, store.BecameDeleted)
	b.requireGone(doomed)

	b.forgetStamp(lost)
	b.awaitType(lost, store.RefreshCommand)
	b.awaitEnds(lost, 3)
	if s := b.state(lost); s.Status != store.Ready {
		t.Errorf("what the log says is made of it, and it is %s:\n%s", s.Status, b.told(lost))
	}
	if err := tamperings["a Service removed"].there(b, lost); err != nil {
		t.Error(err)
	}
}

// restoreFrom makes the log one that was restored from a backup of which this was the newest message.
func (b *bundle) restoreFrom(backup uint64) {
	b.t.Helper()
	stream, err := b.log.JetStream().Stream(b.t.Context(), storelog.Stream)
	if err != nil {
		b.t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Metadata = storelog.Restored(config.Metadata, backup, time.Now(), "")
	if _, err := b.log.JetStream().UpdateStream(b.t.Context(), config); err != nil {
		b.t.Fatal(err)
	}
}

// forgetStamp does what the words of a store that is ahead ask an operator for.
func (b *bundle) forgetStamp(id store.ID) {
	b.t.Helper()
	patch := []byte(`{"metadata":{"annotations":{"store-platform.io/generation":null}}}`)
	_, err := b.api.Admin.CoreV1().Namespaces().Patch(b.t.Context(), id.Namespace(), types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
}

// A broker whose disk was set back has the epoch that it had, and commands that are older than what the cluster has seen.
func TestALogWhoseDiskWasSetBackIsBehindTheCluster(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	id := b.ready()
	patch := []byte(`{"metadata":{"annotations":{"store-platform.io/generation":"999999"}}}`)
	namespaces := b.api.Admin.CoreV1().Namespaces()
	marked, err := namespaces.Patch(t.Context(), id.Namespace(), types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a := marked.Annotations; a["store-platform.io/epoch"] != b.log.Epoch() || a["store-platform.io/version"] != "1.0.0" {
		t.Errorf("the namespace says %v", a)
	}
	degraded := b.awaitDegraded(id, cluster.ReasonAhead, "command 999999 of log "+b.log.Epoch())
	if !strings.Contains(degraded.Message.Facts.Message, "Nothing is changed back") {
		t.Errorf("it says %q", degraded.Message.Facts.Message)
	}
	b.forgetStamp(id)
	b.awaitType(id, store.Recovered)
}
