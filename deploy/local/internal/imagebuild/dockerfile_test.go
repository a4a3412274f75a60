package imagebuild

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
)

const shopDockerfile = `# A shop.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS base

# progress: installing packages
FROM base AS packages
ARG WHERE=/x
RUN apt-get update \
 && apt-get install -y jq

FROM --platform=linux/amd64 base AS plugin
RUN fetch \
    # a comment in between
    something

FROM packages AS shop
COPY --from=plugin --chown=1:1 / /plugin/
RUN --mount=type=bind,from=tools,target=/t make
USER 65532
FROM base AS tools
FROM packages AS database
USER 999
`

func read(t *testing.T) stages {
	t.Helper()
	folder := t.TempDir()
	fill(t, folder, map[string]string{images.Dockerfile: shopDockerfile})
	file, err := readDockerfile(filepath.Join(folder, images.Dockerfile))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestStepsAreThoseOfTheStagesThatATargetNeeds(t *testing.T) {
	file := read(t)
	for _, c := range []struct {
		target   string
		handedIn map[string]string
		counted  func(string) bool
		want     int
	}{
		{"database", nil, everything, 1 + 3 + 2},
		{"database", nil, layers, 1 + 2 + 1},
		{"shop", nil, everything, 1 + 3 + 2 + 4 + 1},
		{"shop", map[string]string{"plugin": "/folder"}, everything, 1 + 3 + 4 + 1},
	} {
		if got := file.count(c.target, c.handedIn, c.counted); got != c.want {
			t.Errorf("%s takes %d steps, want %d", c.target, got, c.want)
		}
	}
	if !file.useBase() {
		t.Error("it begins with the base")
	}
}

// said is what the two builders print for the database of the file above.
var said = map[string]string{
	"buildah": `[1/6] STEP 1/1: FROM localhost/base:1 AS base
[2/6] STEP 1/3: FROM 8c03cd5a2d16 AS packages
[2/6] STEP 2/3: ARG WHERE=/x
--> Using cache b027af3ac2c4
[2/6] STEP 3/3: RUN apt-get update  && apt-get install -y jq
Get:1 something STEP 9/9
[6/6] STEP 1/2: FROM 8c03cd5a2d16 AS database
[6/6] STEP 2/2: USER 999
[6/6] COMMIT localhost/tiny`,
	"docker": `#1 [internal] load build definition from Dockerfile
#5 [base 1/1] FROM docker.io/library/debian
#5 DONE 0.1s
#6 [packages 2/2] RUN apt-get update  && apt-get install -y jq
#6 0.4 Get:1
#6 [packages 2/2] RUN apt-get update  && apt-get install -y jq
#6 DONE 3.2s`,
}

func TestProgressIsReadFromWhatTheBuildersSay(t *testing.T) {
	want := map[string][]string{
		"buildah": {
			"base 0/6", "installing packages 1/6", "installing packages 2/6", "installing packages 3/6", "database 4/6", "database 5/6",
		},
		"docker": {"base 0/4", "installing packages 1/4"},
	}
	for builder, lines := range said {
		file := read(t)
		counted := everything
		if builder == "docker" {
			counted = layers
		}
		var told []string
		m := &meter{
			file: file, seen: map[string]bool{}, total: file.count("database", nil, counted),
			progress: func(message string, done, total int) {
				told = append(told, fmt.Sprintf("%s %d/%d", message, done, total))
			},
		}
		for line := range strings.Lines(lines) {
			m.take(strings.TrimSuffix(line, "\n"))
		}
		if diff := cmp.Diff(want[builder], told); diff != "" {
			t.Errorf("%s: %s", builder, diff)
		}
	}
}

func TestOneStageHasNoNumber(t *testing.T) {
	m := &meter{file: stages{{name: "shop-server"}}, total: 2, progress: func(message string, _, _ int) {
		if message != "shop server" {
			t.Errorf("said %q", message)
		}
	}}
	if !m.take("STEP 1/2: FROM scratch AS shop-server") || m.take("STEPPING 1/2: x") {
		t.Error("a step wasn't told from what is none")
	}
}
