package images_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

func TestAPackBuildsNothingWithoutAnythingToBuild(t *testing.T) {
	for file, want := range map[string]bool{"README": false, "Dockerfile": true, "go.mod": true} {
		pack := images.Pack{Folder: t.TempDir()}
		if pack.Builds() {
			t.Error("no image/ needs a build")
		}
		if err := os.MkdirAll(pack.ImageFolder(), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(pack.ImageFolder(), file), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := pack.Builds(); got != want {
			t.Errorf("with %s: %v", file, got)
		}
	}
}

// bundle is a Program whose process is a shell script that finds what it was asked in $asked.
type bundle struct {
	*images.Program
	out, log bytes.Buffer
	asked    string
}

func program(t *testing.T, script string) *bundle {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "program")
	b := &bundle{asked: filepath.Join(folder, "asked")}
	if err := os.WriteFile(path, []byte("#!/bin/sh\ncat >"+b.asked+"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	b.Program = &images.Program{
		Find:       func(context.Context) (string, error) { return path, nil },
		Repository: folder, Install: true, Log: &b.log, Out: &b.out,
	}
	return b
}

func TestTheProgramIsAskedAndHeard(t *testing.T) {
	b := program(t, `echo building >&2
printf '%s' '{"message":"compiling","done":1,"total":3}{"say":"+ apt-get\n"}'
echo '{"message":"packing"}'
echo '{"last":true,"images":{"tiny.1":{"names":["a:1"],"path":"/there"}}}'
yes | head -c 1000000
`)
	var said []string
	pack := images.Pack{Pack: engine.Pack{Name: "tiny", Version: "1"}, Folder: "/engines/tiny"}
	got, err := b.Ensure(t.Context(), pack, images.Settings{"X": "/y"}, func(message string, done, total int) {
		said = append(said, message+strings.Repeat("+", done)+strings.Repeat("-", total-done))
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(images.Image{Names: []string{"a:1"}, Path: "/there"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"compiling+--", "packing"}, said); diff != "" {
		t.Error(diff)
	}
	if b.out.String() != "+ apt-get\n" || b.log.String() != "building\n" {
		t.Errorf("the user sees %q, the log %q", b.out.String(), b.log.String())
	}
	asked, err := os.ReadFile(b.asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"verb":"ensure"`, `"name":"tiny"`, `"folder":"/engines/tiny"`, `"X":"/y"`, `"install":true`} {
		if !strings.Contains(string(asked), part) {
			t.Errorf("it wasn't asked %s: %s", part, asked)
		}
	}
}

func TestWhatTheProgramFailsOfIsTold(t *testing.T) {
	b := program(t, `echo '{"last":true,"failed":{"error":"exit status 7","doing":"build image shop","tail":["no such plugin"]}}'`)
	_, err := b.Built(t.Context(), nil, nil)
	var build *images.BuildError
	if !errors.As(err, &build) || build.Doing != "build image shop" || build.Tail[0] != "no such plugin" {
		t.Errorf("a build that failed: %v", err)
	}
	b = program(t, `echo '{"last":true,"failed":{"error":"forbidden"}}'`)
	if err := b.Push(t.Context(), images.Image{}, "r"); err == nil || err.Error() != "forbidden" {
		t.Errorf("a push that failed: %v", err)
	}
	b = program(t, `echo '{"message":"compiling"}'; exit 3`)
	if err := b.Write(t.Context(), "x", nil); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a program that died: %v", err)
	}
	b = program(t, "")
	if err := b.Write(t.Context(), "x", nil); err == nil {
		t.Error("a program that says nothing has written")
	}
	missing := errors.New("it can't be built")
	b.Find = func(context.Context) (string, error) { return "", missing }
	if err := b.Write(t.Context(), "x", nil); !errors.Is(err, missing) {
		t.Errorf("no program: %v", err)
	}
}

func TestWhoGivesUpEndsTheProgram(t *testing.T) {
	b := program(t, `echo '{"message":"compiling"}'; exec sleep 1000`)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := b.Ensure(ctx, images.Pack{}, nil, func(string, int, int) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
