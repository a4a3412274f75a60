package up

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/platform"
)

// workshop is a supplier whose builds a test ends.
type workshop struct {
	*supplier
	begun  chan string // the engine whose build begins
	end    chan error  // how it ends
	report images.Progress
	handed images.Settings
	loads  []string
	broken error // of loading
}

// open makes a workshop for engines a, in two versions, and b, which runs until the test ends, and c, which brings nothing
// to build.
func open(t *testing.T) *workshop {
	t.Helper()
	var packs []images.Pack
	for _, key := range []string{"a.1", "a.2", "b.1", "c.1"} {
		name, version, _ := strings.Cut(key, ".")
		pack := images.Pack{Pack: engine.Pack{Name: name, Title: name, Version: version}, Folder: filepath.Join(t.TempDir(), key)}
		if name != "c" {
			if err := os.MkdirAll(filepath.Join(pack.Folder, "image"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(pack.Folder, "image", "Dockerfile"), []byte("FROM scratch\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		packs = append(packs, pack)
	}
	w := &workshop{begun: make(chan string, 9), end: make(chan error)}
	load := func(_ context.Context, image images.Image) error {
		w.loads = append(w.loads, image.Path)
		return w.broken
	}
	w.supplier = newSupplier(packs, images.Settings{}, &images.Program{}, load, nil)
	w.ensure = func(ctx context.Context, pack images.Pack, settings images.Settings, progress images.Progress) (images.Image, error) {
		w.report, w.handed = progress, settings
		w.begun <- pack.Name
		select {
		case err := <-w.end:
			return images.Image{Path: pack.Key()}, err
		case <-ctx.Done():
			return images.Image{}, ctx.Err()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go w.work(ctx)
	return w
}

func (w *workshop) ask(engine string) platform.Images {
	synctest.Wait()
	return w.answer(engine, platform.ImagesRequest{})
}

func TestImagesAreBuiltWhenTheyAreFirstAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		if said := w.ask("c"); !said.Ready {
			t.Errorf("an engine that brings nothing to build: %+v", said)
		}
		if said := w.ask("a"); said.Ready || said.Failed != "" {
			t.Errorf("asked for the first time: %+v", said)
		}
		if name := <-w.begun; name != "a" {
			t.Fatalf("builds %s", name)
		}
		w.report("installing packages", 3, 9)
		if said := w.ask("a"); said != (platform.Images{Message: "installing packages", Done: 3, Total: 9}) {
			t.Errorf("while it is built: %+v", said)
		}
		w.ask("b")
		if synctest.Wait(); len(w.begun) != 0 {
			t.Error("two engines are built at once")
		}
		w.end <- nil
		if said := w.ask("a"); !said.Ready || strings.Join(w.loads, " ") != "a.2" {
			t.Errorf("after it was built: %+v, loaded %v", said, w.loads)
		}
		if name := <-w.begun; name != "b" {
			t.Errorf("builds %s", name)
		}
		w.end <- nil
		if said := w.ask("a"); !said.Ready || len(w.begun) != 0 {
			t.Errorf("asked again: %+v", said)
		}
	})
}

func TestAFailedBuildIsTriedAgainBehindAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		w.ask("a")
		<-w.begun
		w.end <- &images.BuildError{Doing: "build", Tail: []string{"first", "no such plugin."}, Err: errors.New("exit 7")}
		said := w.ask("a")
		if said.Failed != "no such plugin." || !strings.Contains(said.Detail, "first") || said.Ready {
			t.Errorf("after a failure: %+v", said)
		}
		if synctest.Wait(); len(w.begun) != 0 {
			t.Error("it was begun again at once")
		}
		<-time.After(firstPause)
		w.ask("a")
		<-w.begun
		w.broken = errors.New("the cluster takes none")
		w.end <- nil
		if said := w.ask("a"); said.Failed != "the cluster takes none." {
			t.Errorf("not loaded: %+v", said)
		}
		// The pause is longer now, and nobody who asks by hand has to wait for it.
		<-time.After(firstPause)
		if said := w.ask("a"); said.Failed == "" {
			t.Errorf("begun again: %+v", said)
		}
		w.broken = nil
		w.answer("a", platform.ImagesRequest{Again: true, Settings: map[string]string{"TINY_PLUGIN_DIR": "/there"}})
		<-w.begun
		if w.handed["TINY_PLUGIN_DIR"] != "/there" {
			t.Errorf("handed in %v", w.handed)
		}
		w.end <- nil
		if said := w.ask("a"); !said.Ready {
			t.Errorf("at last: %+v", said)
		}
	})
}

// A store of an older version waits for that version's images.
func TestEachVersionHasItsImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		older := func() platform.Images {
			synctest.Wait()
			return w.answer("a", platform.ImagesRequest{Version: "1"})
		}
		for _, ask := range []func() platform.Images{func() platform.Images { return w.ask("a") }, older} {
			if said := ask(); said.Ready {
				t.Fatalf("before anything was built: %+v", said)
			}
			<-w.begun
			w.end <- nil
			if said := ask(); !said.Ready {
				t.Errorf("after the build: %+v", said)
			}
		}
		if got := strings.Join(w.loads, " "); got != "a.2 a.1" {
			t.Errorf("loaded %q", got)
		}
		if said := w.answer("a", platform.ImagesRequest{Version: "3"}); !said.Ready {
			t.Errorf("of a version that isn't built here: %+v", said)
		}
	})
}

func TestWhatIsBuiltIsLoadedUnaskedTheSmallestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		large, small := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
		if err := errors.Join(os.WriteFile(large, make([]byte, 2), 0o600), os.WriteFile(small, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		w.built = func(context.Context, []images.Pack, images.Settings) (map[string]images.Image, error) {
			return map[string]images.Image{"a.2": {Path: large}, "b.1": {Path: small}}, nil
		}
		w.request(w.cached(t.Context()))
		for _, want := range []string{"b", "a"} {
			if name := <-w.begun; name != want {
				t.Errorf("loads %s, not %s", name, want)
			}
			w.end <- nil
		}
	})
}
