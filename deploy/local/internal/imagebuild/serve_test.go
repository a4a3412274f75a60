package imagebuild

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
)

// served is what a builder answers to a request, last.
func served(t *testing.T, b *Builder, request images.Request) (last images.Answer, all string) {
	t.Helper()
	text, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.Serve(t.Context(), bytes.NewReader(text), &out); err != nil {
		t.Fatal(err)
	}
	all = out.String()
	for decoder := json.NewDecoder(&out); ; {
		last = images.Answer{}
		if err := decoder.Decode(&last); err != nil || last.Last {
			if err != nil {
				t.Fatalf("no last answer: %v in %s", err, all)
			}
			return last, all
		}
	}
}

// TestRequestsAreServed has an engine of a Go module looked for, built, looked for again and written.
func TestRequestsAreServed(t *testing.T) {
	repository, cache := t.TempDir(), t.TempDir()
	fill(t, repository, map[string]string{"pkg/go.mod": "module example.org/pkg\n\ngo 1.26\n"})
	goBuilder, err := gobuild.New(t.Context(), repository, cache, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	b := &Builder{Cache: cache, Go: goBuilder, Log: io.Discard}
	pack := pack(t, nil, "shop")
	pack.Folder = filepath.Join(repository, "engines", "tiny")
	fill(t, pack.ImageFolder(), map[string]string{"go.mod": "module example.org/shop\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { nothing() }\n"})
	packs := []images.Pack{pack}
	if last, _ := served(t, b, images.Request{Verb: images.Built, Packs: packs}); len(last.Images) != 0 || last.Failed != nil {
		t.Errorf("before it is built: %+v", last)
	}
	if last, _ := served(t, b, images.Request{Verb: images.Ensure, Packs: packs}); last.Failed == nil || !strings.Contains(last.Failed.Error, "undefined: nothing") {
		t.Errorf("a program that doesn't compile: %+v", last)
	}
	fill(t, pack.ImageFolder(), map[string]string{"main.go": "package main\n\nfunc main() {}\n"})
	last, all := served(t, b, images.Request{Verb: images.Ensure, Packs: packs})
	if _, err := os.Stat(last.Images[pack.Key()].Path); err != nil || !strings.Contains(all, `"message":"compiling"`) {
		t.Errorf("built: %v; it said %s", err, all)
	}
	again, _ := served(t, b, images.Request{Verb: images.Built, Packs: packs})
	if again.Images[pack.Key()].Path != last.Images[pack.Key()].Path || again.Images[pack.Key()].Path == "" {
		t.Errorf("after it was built: %+v", again)
	}
	path := filepath.Join(t.TempDir(), "images.tar")
	last, _ = served(t, b, images.Request{Verb: images.Write, Path: path, Contents: []kube.Image{{Name: "a:1", Entrypoint: []string{"/x"}}}})
	if _, err := os.Stat(path); err != nil || last.Failed != nil {
		t.Errorf("written: %v, %+v", err, last)
	}
	if last, _ := served(t, b, images.Request{Verb: "fetch"}); last.Failed == nil {
		t.Error("an unknown verb was carried out")
	}
}
