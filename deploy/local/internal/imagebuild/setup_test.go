package imagebuild

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// pack makes a pack's folder with these files in image/.
func pack(t *testing.T, files map[string]string, targets ...string) images.Pack {
	t.Helper()
	made := images.Pack{Folder: t.TempDir(), Pack: engine.Pack{
		Name: "tiny", Title: "Tiny", Images: map[string]string{},
		Sources: []engine.Source{{Name: "plugin", Setting: "TINY_PLUGIN_DIR"}},
	}}
	for _, target := range targets {
		made.Images[target] = "store-platform/engine-tiny-" + target + ":1"
	}
	fill(t, filepath.Join(made.Folder, "image"), files)
	return made
}

func fill(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fixed is a tool that builds nothing.
type fixed string

func (f fixed) identity() string                { return string(f) }
func (fixed) packages() []string                { return nil }
func (fixed) build(context.Context, *job) error { return nil }
