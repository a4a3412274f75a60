package provisioner_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/provisioner/engines"
)

const carried, next = "1.0.0", "1.1.0"

// publishedWords are what a provisioner logs when it has said what it carries.
const publishedWords = "published the engines"

// nextVersion writes a later version of the sample engine than ships into a folder for ENGINES_DIR: with another image,
// one link and one password more.
func nextVersion(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	folder := filepath.Join(dir, "sample", next)
	for from, to := range map[string]string{"sample": "", "_library": "chart/charts/library"} {
		shipped, err := fs.Sub(engines.Packs, from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(folder, to), shipped); err != nil {
			t.Fatal(err)
		}
	}
	for name, changes := range map[string][][2]string{
		"engine.yaml": {
			{"\nversion: " + carried, "\nversion: " + next}, {"engine-sample:" + carried, "engine-sample:" + next},
			{"\nlinks:\n", "\nlinks:\n  - {name: news, title: News, path: /news}\n"},
			{"\ncredentials:\n", "\ncredentials:\n  - {name: auditor, title: Auditor, secretKey: auditor, generate: {length: 20}}\n"},
		},
		"chart/Chart.yaml": {{"version: " + carried, "version: " + next}},
	} {
		path := filepath.Join(folder, name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range changes {
			changed := bytes.Replace(content, []byte(change[0]), []byte(change[1]), 1)
			if bytes.Equal(changed, content) {
				t.Fatalf("%s doesn't hold %q", name, change[0])
			}
			content = changed
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// carriesBoth is the setting of a provisioner that carries both versions.
func carriesBoth(t *testing.T) string { return "ENGINES_DIR=" + nextVersion(t) }

func (b *bundle) createVersion(version string) store.ID {
	b.t.Helper()
	id := b.api.NewID(b.t)
	b.command(id, store.CreateCommand, &store.Spec{Name: "Test", Engine: "sample", Version: version, Plan: "small"})
	return id
}

// requireVersion: the store runs what its own version's chart makes, and shows its own version's passwords.
func (b *bundle) requireVersion(id store.ID, version string) {
	b.t.Helper()
	d, err := b.api.Admin.AppsV1().Deployments(id.Namespace()).Get(b.t.Context(), "store", metav1.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	if image, want := d.Spec.Template.Spec.Containers[0].Image, "store-platform/engine-sample:"+version; image != want {
		b.t.Errorf("a store of %s runs %s", version, image)
	}
	passwords := map[string]int{carried: 1, next: 2}[version]
	if reply, code := b.credentials(string(id)); code != "" || len(reply.Credentials) != passwords {
		b.t.Errorf("a store of %s shows %d passwords, code %q", version, len(reply.Credentials), code)
	}
}

// Stores of two versions of an engine, side by side: each is made, mended, tried again and deleted by its own.
func TestStoresOfTwoVersionsOfAnEngine(t *testing.T) {
	b := setup(t).serving()
	b.environment = append(b.environment, carriesBoth(t))
	b.start("provisioner")
	b.start("janitor")
	stores, failing := map[string]store.ID{}, map[string]store.ID{}
	for _, version := range []string{carried, next} {
		stores[version] = b.createVersion(version)
		failing[version] = b.api.NewID(t)
		b.occupy(failing[version])
		b.command(failing[version], store.CreateCommand, &store.Spec{Name: "Test", Engine: "sample", Version: version, Plan: "small"})
	}
	unversioned := b.createVersion("")
	for version, id := range stores {
		b.requireAttempts(t, b.awaitType(id, store.BecameReady), 1)
		b.requireVersion(id, version)
	}
	b.awaitType(unversioned, store.BecameReady)
	b.requireVersion(unversioned, next)
	b.requireCatalog(next)

	for _, id := range stores {
		if err := tamperings["a workload removed"].tamper(b, id); err != nil {
			t.Fatal(err)
		}
	}
	for version, id := range stores {
		b.awaitType(id, store.MendCommand)
		b.awaitEnds(id, 2)
		if s := b.state(id); s.Status != store.Ready || s.Spec.Version != version {
			t.Errorf("after the mend: %+v\n%s", s, b.told(id))
		}
		b.requireVersion(id, version)
	}
	for version, id := range failing {
		b.awaitType(id, store.BecameFailed)
		b.removeNamespace(id)
		if err := b.ask(id, store.Retry); err != nil {
			t.Fatal(err)
		}
		b.awaitType(id, store.BecameReady)
		b.requireVersion(id, version)
	}
	for _, id := range stores {
		b.command(id, store.DeleteCommand, nil)
	}
	for _, id := range stores {
		b.awaitType(id, store.BecameDeleted)
		b.requireGone(id)
	}
}

// removeNamespace takes away what occupy put there.
func (b *bundle) removeNamespace(id store.ID) {
	b.t.Helper()
	namespaces := b.api.Admin.CoreV1().Namespaces()
	if err := namespaces.Delete(b.t.Context(), id.Namespace(), metav1.DeleteOptions{}); err != nil {
		b.t.Fatal(err)
	}
	clustertest.Eventually(b.t, "the foreign namespace is gone", func(ctx context.Context) (bool, error) {
		list, err := namespaces.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + id.Namespace()})
		return err == nil && len(list.Items) == 0, nil
	})
}

// requireCatalog: a gateway, of this release or of the one before, offers the version, and this one knows both.
func (b *bundle) requireCatalog(offered string) {
	b.t.Helper()
	catalog := b.catalog()
	if found, ok := catalog.Find("sample"); !ok || found.Version != offered {
		b.t.Errorf("version %q is on offer, want %q", found.Version, offered)
	}
	for version, links := range map[string]int{carried: 2, next: 3} {
		if found, ok := catalog.Version("sample", version); !ok || len(found.Links) != links {
			b.t.Errorf("of version %s %d links are known, want %d", version, len(found.Links), links)
		}
	}
	entry, err := b.bucket(storelog.BucketCatalog).Get(b.t.Context(), "sample")
	if err != nil || !bytes.Contains(entry.Value(), fmt.Appendf(nil, `"version":%q`, offered)) {
		b.t.Errorf("a gateway of the release before doesn't offer version %s: %v", offered, err)
	}
}

// A provisioner of an older release is started again while a newer one is away. What it doesn't carry waits for who does,
// without an attempt, and what is on offer stays.
func TestAnOlderProvisionerLeavesWhatItDoesNotCarry(t *testing.T) {
	b := setup(t).serving()
	b.publishAsNewer(nextVersion(t))
	older := b.environment
	newer := append(older, carriesBoth(t))
	b.environment = newer
	first := b.start("provisioner")
	standing := b.createVersion(next)
	b.awaitType(standing, store.BecameReady)
	first.kill()

	b.environment = older
	restarted := b.start("provisioner")
	b.awaitOutput(restarted, publishedWords)
	b.requireCatalog(next)
	waiting, own := b.createVersion(next), b.createVersion(carried)
	waited := b.awaitType(waiting, store.Waited)
	if s := waited.State; s.Reason != "EngineNotCarried" || s.Attempt != 0 || s.Status != store.Queued || s.Message == "" {
		t.Errorf("the store waits as %+v", s)
	}
	b.requireAttempts(t, b.awaitType(own, store.BecameReady), 1)
	b.requireVersion(own, carried)
	if _, code := b.credentials(string(standing)); code != "503" {
		t.Errorf("passwords of a version that isn't carried: code %q, want 503", code)
	}
	for _, id := range []store.ID{standing, own} {
		if err := tamperings["a workload removed"].tamper(b, id); err != nil {
			t.Fatal(err)
		}
	}
	b.awaitType(own, store.MendCommand)
	if n := b.count(standing, store.MendCommand) + b.count(standing, store.BecameDegraded); n != 0 {
		t.Errorf("it judges a store whose chart it hasn't got:\n%s", b.told(standing))
	}
	if n := b.count(waiting, store.AttemptStarted); n != 0 {
		t.Errorf("%d attempts of what it doesn't carry:\n%s", n, b.told(waiting))
	}

	restarted.kill()
	b.environment = newer
	b.start("provisioner")
	b.requireAttempts(t, b.awaitType(waiting, store.BecameReady), 1)
	b.requireVersion(waiting, next)
	b.awaitType(standing, store.MendCommand)
	b.awaitEnds(standing, 2)
	b.requireVersion(standing, next)
}

// publishAsNewer says what a provisioner of the next release carries.
func (b *bundle) publishAsNewer(dir string) {
	b.t.Helper()
	packs, err := engine.Load(engines.Packs)
	if err != nil {
		b.t.Fatal(err)
	}
	more, err := engine.Load(os.DirFS(dir))
	if err != nil {
		b.t.Fatal(err)
	}
	packs = append(packs, more...)
	if _, err := engine.Publish(b.t.Context(), b.bucket(storelog.BucketPacks), engine.Rank+1, packs, engine.Offered(packs)); err != nil {
		b.t.Fatal(err)
	}
}

// An engine that nobody carries may be carried after an upgrade: its store waits, and says so.
func TestAnUnknownEngineIsWaitedFor(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	id := b.api.NewID(t)
	b.createAs(id, "none")
	if s := b.awaitType(id, store.Waited).State; s.Reason != "EngineNotCarried" || s.Attempt != 0 {
		t.Errorf("the store waits as %+v", s)
	}
}

// The gateway makes the buckets. One of the release before makes none for versions: stores are made all the same, and its
// catalog is filled; when the gateway is upgraded, so is what it reads.
func TestAProvisionerBesideAGatewayOfTheReleaseBefore(t *testing.T) {
	b := setup(t).serving()
	if err := b.log.JetStream().DeleteKeyValue(t.Context(), storelog.BucketPacks); err != nil {
		t.Fatal(err)
	}
	b.start("provisioner")
	b.ready()
	if _, err := b.bucket(storelog.BucketCatalog).Get(t.Context(), "sample"); err != nil {
		t.Errorf("an old gateway offers nothing: %v", err)
	}
	b.ensureLog()
	clustertest.Eventually(t, "versions are published", func(context.Context) (bool, error) {
		_, ok := b.catalog().Version("sample", carried)
		return ok, nil
	})
}
