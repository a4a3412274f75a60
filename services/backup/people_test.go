package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/blob/fileblob"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/backup/internal/seal"
)

// peopled is a broker of installation "one" with a store on its log and something in each bucket of people.
func peopled(t *testing.T, nc *nats.Conn) *nats.Conn {
	t.Helper()
	if err := storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: 1, Installation: "one", Accounts: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := append1(t.Context(), openLog(t, nc), 0); err != nil {
		t.Fatal(err)
	}
	for _, bucket := range append([]string{storelog.BucketPasses}, storelog.BucketsOfPeople...) {
		kv := bucketOf(t, nc, bucket)
		for n := range 3 {
			if _, err := kv.Put(t.Context(), fmt.Sprint("key.", n), fmt.Append(nil, bucket, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return nc
}

func bucketOf(t *testing.T, nc *nats.Conn, name string) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// erase leaves the mark of an account that was erased.
func erase(t *testing.T, nc *nats.Conn, id string) {
	t.Helper()
	if _, err := bucketOf(t, nc, storelog.BucketAccounts).Put(t.Context(), storelog.KeyErased+"."+id, nil); err != nil {
		t.Fatal(err)
	}
}

// checkNoStream: what was refused stands in the way of nothing.
func checkNoStream(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		t.Errorf("there is %s", name)
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestWhoThereIsComesBackWithTheLog(t *testing.T) {
	nc, none, dir := peopled(t, bustest.StartFor(t, "one")), empty(t), t.TempDir()
	taken(t, nc, dir)
	if _, err := do(t, none, dir, "restore"); err != nil {
		t.Fatal(err)
	}
	if head, err := openLog(t, none).Head(t.Context()); err != nil || head != 1 {
		t.Errorf("the log came back up to message %d, %v", head, err)
	}
	for _, bucket := range storelog.BucketsOfPeople {
		kv := bucketOf(t, none, bucket)
		for n := range 3 {
			entry, err := kv.Get(t.Context(), fmt.Sprint("key.", n))
			if err != nil || string(entry.Value()) != fmt.Sprint(bucket, n) {
				t.Errorf("%s: %v, %v", bucket, entry, err)
			}
		}
		status, err := kv.Status(t.Context())
		if err != nil || storelog.RestoredAt(status.Metadata()) == "" {
			t.Errorf("%s doesn't say that it was restored: %v", bucket, err)
		}
	}
	js, err := jetstream.New(none)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.KeyValue(t.Context(), storelog.BucketPasses); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("sessions came back: %v", err)
	}
}

// What is taken twice within a second, while the log stands still, is two backups: somebody may have been erased between them.
func TestTwoBackupsOfOneSecondAreTwo(t *testing.T) {
	nc, none, dir := peopled(t, bustest.StartFor(t, "one")), empty(t), t.TempDir()
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	kept, now := shelf{bucket: bucket, installation: "one", progress: io.Discard}, time.Now().UTC()
	older, err := take(t.Context(), nc, kept, seal.Keys{key}, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := bucketOf(t, nc, storelog.BucketAccounts).Delete(t.Context(), "key.0"); err != nil {
		t.Fatal(err)
	}
	later, err := take(t.Context(), nc, kept, seal.Keys{key}, now)
	if err != nil || later <= older {
		t.Fatalf("taken as %s behind %s, %v", later, older, err)
	}
	if _, err := do(t, none, dir, "restore", from(older)); err != nil {
		t.Fatal(err)
	}
	if _, err := bucketOf(t, none, storelog.BucketAccounts).Get(t.Context(), "key.0"); err != nil {
		t.Errorf("who was there at the first isn't in it: %v", err)
	}
}

// An account that is erased is in backups that were taken before, and those mustn't bring it back.
func TestWhoWasErasedIsNamedBesideOlderBackups(t *testing.T) {
	nc, none, dir := peopled(t, bustest.StartFor(t, "one")), empty(t), t.TempDir()
	older, err := do(t, nc, dir, "take")
	if err != nil {
		t.Fatal(err)
	}
	erase(t, nc, "a-one")
	for n, id := range []string{"a-two", "a-three"} {
		if _, err := append1(t.Context(), openLog(t, nc), n+1); err != nil {
			t.Fatal(err)
		}
		if _, err := do(t, nc, dir, "take"); err != nil {
			t.Fatal(err)
		}
		erase(t, nc, id)
	}
	if _, err := do(t, none, dir, "restore", from(older)); err != nil {
		t.Fatal(err)
	}
	entry, err := bucketOf(t, none, storelog.BucketAccounts).Get(t.Context(), storelog.KeyEraseAgain+".0")
	// The last was erased behind the last backup: nobody outside the broker knows.
	if err != nil || string(entry.Value()) != `["a-one","a-two"]` {
		t.Errorf("to be erased again: %v, %v", entry, err)
	}
}

// However many were erased over the years, all of them are named.
func TestManyWhoWereErasedAreNamed(t *testing.T) {
	nc, none, dir := peopled(t, bustest.StartFor(t, "one")), empty(t), t.TempDir()
	taken(t, nc, dir)
	const many = 100_000
	var list strings.Builder
	for n := range many {
		fmt.Fprintf(&list, "a-%010d\n", n)
	}
	if err := os.WriteFile(filepath.Join(dir, "one", "erased"), []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := do(t, none, dir, "restore"); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(none)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := storelog.Keys(t.Context(), js, storelog.BucketAccounts, storelog.KeyEraseAgain+".*")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, page := range pages {
		entry, err := bucketOf(t, none, storelog.BucketAccounts).Get(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		if err := json.Unmarshal(entry.Value(), &ids); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			named[id] = true
		}
	}
	if len(named) != many {
		t.Errorf("%d are named on %d pages, of %d", len(named), len(pages), many)
	}
}

// All of it or nothing: a log whose people are missing would have stores that are nobody's.
func TestABackupWithoutItsPeopleIsNotRestored(t *testing.T) {
	nc, dir := peopled(t, bustest.StartFor(t, "one")), t.TempDir()
	path := taken(t, nc, dir)
	for _, name := range append([]string{path}, partsOf(path, storelog.BucketsOfPeople)...) {
		whole := read(t, name)
		for how, spoil := range map[string]func() error{
			"missing":   func() error { return os.Remove(name) },
			"broken":    func() error { return os.WriteFile(name, whole[:len(whole)-1], 0o600) },
			"another's": func() error { return os.WriteFile(name, read(t, partOf(path, storelog.BucketTokens)), 0o600) },
		} {
			if how == "another's" && (name == path || strings.HasSuffix(name, partOf("", storelog.BucketTokens))) {
				continue
			}
			none := empty(t)
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			if _, err := do(t, none, dir, "restore"); err == nil {
				t.Errorf("%s %s: restored", filepath.Base(name), how)
			}
			if how != "another's" {
				checkNoStream(t, none)
			}
			put(t, name, whole)
		}
	}
}

// What goes, goes whole, and a backup of before there were accounts is one without.
func TestOldBackupsGoWithTheirPeople(t *testing.T) {
	nc, dir := bustest.StartFor(t, "one"), t.TempDir()
	keep2 := func(c *Config) { c.Keep = 2 }
	if _, err := append1(t.Context(), openLog(t, nc), 9); err != nil {
		t.Fatal(err)
	}
	without := taken(t, nc, dir, keep2)
	peopled(t, nc)
	first := taken(t, nc, dir, keep2)
	if _, err := append1(t.Context(), openLog(t, nc), 1); err != nil {
		t.Fatal(err)
	}
	second := taken(t, nc, dir, keep2)
	if _, err := append1(t.Context(), openLog(t, nc), 2); err != nil {
		t.Fatal(err)
	}
	third := taken(t, nc, dir, keep2)
	left, err := filepath.Glob(filepath.Join(dir, "one", "*"+sealedEnd))
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(slices.Values(slices.Concat([]string{second, third}, partsOf(second, storelog.BucketsOfPeople), partsOf(third, storelog.BucketsOfPeople))))
	if slices.Sort(left); !slices.Equal(left, want) {
		t.Errorf("left %q, want %q without %s and %s", left, want, without, first)
	}
	listed, err := do(t, nc, dir, "list")
	if err != nil || strings.Count(listed, "\n") != 1 || bytes.Contains([]byte(listed), []byte(storelog.BucketTokens)) {
		t.Errorf("listed %q, %v", listed, err)
	}
}
