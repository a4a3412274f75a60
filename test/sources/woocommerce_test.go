// Package sources_test runs scripts as they are, the packs' own and the words of the dashboard. An image's build finds at
// wordpress.org's address what a test puts there: nothing gets into a shop that isn't what its maker says it is.
package sources_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const (
	engines = "../../services/provisioner/engines"
	build   = engines + "/woocommerce/image/build"
)

const (
	wordpressURL = "wordpress.org/wordpress-7.1.tar.gz"
	pluginURL    = "downloads.wordpress.org/plugin/woocommerce.1.2.3.zip"
	listURL      = "downloads.wordpress.org/plugin-checksums/woocommerce/1.2.3.json"
)

// plugin is one as its maker packed it.
func plugin() map[string]string {
	return map[string]string{"woocommerce.php": "<?php // Version: 1.2.3", "includes/cart.php": "<?php // sells"}
}

// list is what wordpress.org says of a plugin's files.
type list struct {
	Plugin  string             `json:"plugin"`
	Version string             `json:"version"`
	Files   map[string]sha256s `json:"files"`
}

type sha256s struct {
	SHA256 any `json:"sha256"`
}

func listOf(files map[string]string) list {
	l := list{Plugin: "woocommerce", Version: "1.2.3", Files: map[string]sha256s{}}
	for name, content := range files {
		l.Files[name] = sha256s{sum(content)}
	}
	return l
}

func sum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func TestAPluginIsWhatWordPressOrgListsOrItIsNotTaken(t *testing.T) {
	for _, c := range []struct {
		name string
		// change alters what is packed and what is listed.
		change func(files map[string]string, listed *list)
		// words are what the build says when it refuses, empty when it doesn't.
		words string
	}{
		{"as listed", func(map[string]string, *list) {}, ""},
		{"listed with the sums of two packings", func(_ map[string]string, l *list) {
			l.Files["woocommerce.php"] = sha256s{[]string{sum("another"), sum(plugin()["woocommerce.php"])}}
		}, ""},
		{"a file was changed", func(p map[string]string, _ *list) { p["includes/cart.php"] += "; steals();" }, "aren't as listed, the first is includes/cart.php"},
		{"a file was added", func(p map[string]string, _ *list) { p["includes/door.php"] = "<?php" }, "aren't as listed, the first is includes/door.php"},
		{"a file is missing", func(p map[string]string, _ *list) { delete(p, "includes/cart.php") }, "aren't as listed, the first is includes/cart.php"},
		{"the list is another version's", func(_ map[string]string, l *list) { l.Version = "1.2.2" }, "isn't one of woocommerce 1.2.3"},
		{"the list is another plugin's", func(_ map[string]string, l *list) { l.Plugin = "akismet" }, "isn't one of woocommerce 1.2.3"},
		{"the list is empty", func(_ map[string]string, l *list) { l.Files = nil }, "isn't one of woocommerce 1.2.3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			needs(t, "php")
			files, listed := plugin(), listOf(plugin())
			c.change(files, &listed)
			s := serve(t)
			s.put(pluginURL, zipped(t, files))
			s.put(listURL, encoded(t, listed))
			dir := filepath.Join(t.TempDir(), "plugin")
			said, err := s.run("fetch-plugin.sh", "woocommerce", "1.2.3", dir)
			if refused := c.words != ""; (err != nil) != refused || !strings.Contains(said, c.words) {
				t.Fatalf("%v, want the words %q:\n%s", err, c.words, said)
			}
			want := map[string]string{}
			if c.words == "" {
				want = files
			}
			if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
				t.Fatalf("taken: %s", diff)
			}
		})
	}
}

func TestAPluginThatIsNotThereFailsTheBuild(t *testing.T) {
	for _, gone := range []string{pluginURL, listURL} {
		s := serve(t)
		s.put(pluginURL, zipped(t, plugin()))
		s.put(listURL, encoded(t, listOf(plugin())))
		s.put(gone, nil)
		dir := t.TempDir()
		said, err := s.run("fetch-plugin.sh", "woocommerce", "1.2.3", dir)
		if err == nil || !strings.Contains(said, gone+" can't be fetched") {
			t.Errorf("without %s: %v\n%s", gone, err, said)
		}
		if taken := contents(t, dir); len(taken) != 0 {
			t.Errorf("without %s it took %v", gone, taken)
		}
	}
}

func TestWithoutWordPressOrgTheImageIsBuiltWithoutThePlugin(t *testing.T) {
	s := serve(t)
	s.goAway()
	dir := t.TempDir()
	said, err := s.run("fetch-plugin.sh", "woocommerce", "1.2.3", dir)
	if err != nil || !strings.Contains(said, "built without the plugin") {
		t.Fatalf("%v\n%s", err, said)
	}
	if taken := contents(t, dir); len(taken) != 0 {
		t.Fatalf("it took %v", taken)
	}
}

func TestAWordPressWithAnotherChecksumIsNotTaken(t *testing.T) {
	s := serve(t)
	archive := tarred(t, map[string]string{"wp-load.php": "<?php // loads"})
	s.put(wordpressURL, archive)
	right := sha1.Sum(archive)

	dir := filepath.Join(t.TempDir(), "wordpress")
	if said, err := s.run("fetch-wordpress.sh", "7.1", hex.EncodeToString(right[:]), dir); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if diff := cmp.Diff(map[string]string{"wp-load.php": "<?php // loads"}, contents(t, dir)); diff != "" {
		t.Fatal(diff)
	}

	dir = filepath.Join(t.TempDir(), "wordpress")
	if said, err := s.run("fetch-wordpress.sh", "7.1", strings.Repeat("0", 40), dir); err == nil {
		t.Fatalf("taken under another checksum:\n%s", said)
	}
	if taken := contents(t, dir); len(taken) != 0 {
		t.Fatalf("it took %v", taken)
	}

	s.put(wordpressURL, nil)
	if said, err := s.run("fetch-wordpress.sh", "7.1", hex.EncodeToString(right[:]), dir); err == nil || !strings.Contains(said, "can't be fetched") {
		t.Fatalf("a version that isn't there: %v\n%s", err, said)
	}
}

// A word too many in a script that only an installation runs would show in a merchant's store first.
func TestThePacksPHPParses(t *testing.T) {
	needs(t, "php")
	found := 0
	err := filepath.WalkDir(engines, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".php" {
			return err
		}
		found++
		if output, err := exec.CommandContext(t.Context(), "php", "-l", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, output)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Fatalf("%d files: %v", found, err)
	}
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s: run through make test, which installs it", program)
	}
}

// contents are the files below dir, none when there is no such folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	if _, err := os.Stat(dir); err != nil {
		return files
	}
	tree := os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func encoded(t *testing.T, l list) []byte {
	t.Helper()
	data, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packed is files as they stand in an archive, in a folder.
func packed(folder string, files map[string]string) fs.FS {
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[folder+"/"+name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	return tree
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	if err := errors.Join(archive.AddFS(packed("woocommerce", files)), archive.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarred(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	archive := tar.NewWriter(compressed)
	if err := errors.Join(archive.AddFS(packed("wordpress", files)), archive.Close(), compressed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
