package imagebuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
)

func TestAKeyIsOfEverythingThatImagesAreMadeOf(t *testing.T) {
	pack := pack(t, map[string]string{images.Dockerfile: "FROM scratch AS shop\n", ".dockerignore": "x\n", "a/testdata/b_test.go": "x"}, "shop")
	folder := t.TempDir()
	fill(t, folder, map[string]string{"plugin.php": "1"})
	tool, settings := fixed("one"), images.Settings{}
	key := func() string {
		t.Helper()
		j, err := planWith(tool, pack, settings)
		if err != nil {
			t.Fatal(err)
		}
		return j.key
	}
	seen := map[string]string{}
	changed := func(what string) {
		t.Helper()
		at := key()
		if before, ok := seen[at]; ok {
			t.Errorf("%s changes nothing since %s", what, before)
		}
		seen[at] = what
		if key() != at {
			t.Errorf("%s: two keys of the same inputs", what)
		}
	}
	changed("the beginning")
	for _, name := range []string{images.Dockerfile, ".dockerignore", "a/testdata/b_test.go"} {
		fill(t, pack.ImageFolder(), map[string]string{name: "other"})
		changed(name)
	}
	if err := os.Symlink("Dockerfile", filepath.Join(pack.ImageFolder(), "link")); err != nil {
		t.Fatal(err)
	}
	changed("a link")
	settings["TINY_PLUGIN_DIR"] = folder
	changed("a folder handed in")
	fill(t, folder, map[string]string{"plugin.php": "2"})
	changed("what is in it")
	tool = "another"
	changed("the builder")
	pack.Images["shop"] = "store-platform/engine-tiny-shop:2"
	changed("the version")
}

func TestAFolderThatIsNotThereIsRefusedByItsSetting(t *testing.T) {
	pack := pack(t, map[string]string{images.Dockerfile: "FROM scratch AS shop\n"}, "shop")
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := planWith(fixed("one"), pack, images.Settings{"TINY_PLUGIN_DIR": missing})
	if err == nil || !strings.Contains(err.Error(), "TINY_PLUGIN_DIR="+missing) {
		t.Errorf("error %v", err)
	}
	t.Setenv("TINY_PLUGIN_DIR", missing)
	if _, err := images.Environment([]images.Pack{pack}); err == nil || !strings.Contains(err.Error(), "TINY_PLUGIN_DIR") {
		t.Errorf("error %v", err)
	}
	t.Setenv("TINY_PLUGIN_DIR", "")
	if settings, err := images.Environment([]images.Pack{pack}); err != nil || len(settings) != 0 {
		t.Errorf("settings %v, error %v", settings, err)
	}
}
