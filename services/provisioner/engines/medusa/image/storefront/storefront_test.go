// Package storefront_test holds the storefront's files to what no browser would say before a shopper
// does: every module is there and fetched ahead, and nothing comes from another origin.
package storefront_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

const app = "assets/app"

var (
	imports  = regexp.MustCompile(`(?m)^import .*? from "([^"]+)";$`)
	preloads = regexp.MustCompile(`<link rel="modulepreload" href="/([^"]+)">`)
	foreign  = regexp.MustCompile(`(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}[^\s"']*`)
)

// modules gives the source of every script by its path below public.
func modules(t *testing.T) map[string]string {
	t.Helper()
	public := os.DirFS("public")
	sources := map[string]string{}
	err := fs.WalkDir(public, app, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".js" {
			return err
		}
		source, err := fs.ReadFile(public, name)
		sources[name] = string(source)
		return err
	})
	if err != nil {
		t.Fatalf("read the scripts: %v", err)
	}
	return sources
}

func page(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("public/index.html")
	if err != nil {
		t.Fatalf("read the page: %v", err)
	}
	return string(source)
}

func TestEveryModuleThatIsImportedIsThereAndFetchedAhead(t *testing.T) {
	sources := modules(t)
	ahead := map[string]bool{app + "/main.js": true}
	for _, match := range preloads.FindAllStringSubmatch(page(t), -1) {
		ahead[match[1]] = true
		if _, there := sources[match[1]]; !there {
			t.Errorf("index.html fetches %s ahead, which isn't there", match[1])
		}
	}
	for name, source := range sources {
		if !ahead[name] {
			t.Errorf("index.html doesn't fetch %s ahead: it would be found one import after the other", name)
		}
		for _, match := range imports.FindAllStringSubmatch(source, -1) {
			if wanted := path.Join(path.Dir(name), match[1]); sources[wanted] == "" {
				t.Errorf("%s imports %s, which isn't there", name, match[1])
			}
		}
	}
}

func TestNothingComesFromAnotherOriginAndTextNeverBecomesMarkup(t *testing.T) {
	sources := modules(t)
	sources["index.html"] = page(t)
	style, err := os.ReadFile("public/" + app + "/shop.css")
	if err != nil {
		t.Fatalf("read the style sheet: %v", err)
	}
	sources["shop.css"] = string(style)
	for name, source := range sources {
		for _, found := range foreign.FindAllString(source, -1) {
			if !strings.HasPrefix(found, "http://www.w3.org/") {
				t.Errorf("%s speaks of %s", name, found)
			}
		}
		for _, way := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("} {
			if strings.Contains(source, way) {
				t.Errorf("%s uses %s, by which a product's title could become markup", name, way)
			}
		}
	}
}
