package imagebuild

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
)

// tinyDockerfile needs no network: its base is a static program of this machine.
const tinyDockerfile = `FROM scratch AS tools
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "echo made >/made"]
# What is handed in takes the place of this stage, which could not be built.
FROM tools AS plugin
RUN ["/bin/busybox", "false"]
# progress: putting the shop together
FROM scratch AS shop
COPY --from=tools /made /made
COPY --from=plugin / /plugin/
USER 65532:65532
FROM tools AS database
USER 999
`

// tiny is a pack with this Dockerfile and a folder for its source.
func tiny(t *testing.T, text string) (images.Pack, images.Settings) {
	t.Helper()
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	pack := pack(t, map[string]string{images.Dockerfile: text}, "shop", "database")
	if err := os.WriteFile(filepath.Join(pack.ImageFolder(), "busybox"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	fill(t, folder, map[string]string{"plugin.php": "1"})
	return pack, images.Settings{"TINY_PLUGIN_DIR": folder}
}

// ensure builds with buildah whether or not Docker runs here.
func ensure(t *testing.T, cache string, log *bytes.Buffer, pack images.Pack, settings images.Settings, progress images.Progress) (images.Image, error) {
	t.Helper()
	b := &Builder{Cache: cache, Log: log}
	j, err := planWith(buildah{Builder: b}, pack, settings)
	if err != nil {
		t.Fatal(err)
	}
	return b.make(t.Context(), j, progress)
}

func TestBuildahBuilds(t *testing.T) {
	cache := t.TempDir()
	pack, settings := tiny(t, tinyDockerfile)
	var log bytes.Buffer
	var told []string
	image, err := ensure(t, cache, &log, pack, settings, func(message string, _, _ int) { told = append(told, message) })
	if os.Geteuid() != 0 {
		if err == nil {
			t.Error("buildah in namespaces of its own without root")
		}
		return
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if !strings.Contains(strings.Join(told, "\n"), "putting the shop together") {
		t.Errorf("told %q", told)
	}
	for short, user := range map[string]string{pack.Images["shop"]: "65532:65532", pack.Images["database"]: "999"} {
		tag, err := name.NewTag(short)
		if err != nil {
			t.Fatal(err)
		}
		content, err := tarball.ImageFromPath(image.Path, &tag)
		if err != nil {
			t.Fatal(err)
		}
		config, err := content.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Config.User != user {
			t.Errorf("%s runs as %q", short, config.Config.User)
		}
	}
	sizes, err := Sizes(image)
	if err != nil {
		t.Fatal(err)
	}
	// The shop has two small files and not the program that its stages were built with.
	if len(sizes) != 2 || sizes[1].Bytes > 100_000 || sizes[0].Bytes < 500_000 {
		t.Errorf("sizes %+v", sizes)
	}
	// A changed last step repeats no other.
	log.Reset()
	fill(t, settings["TINY_PLUGIN_DIR"], map[string]string{"plugin.php": "2"})
	if _, err := ensure(t, cache, &log, pack, settings, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "Using cache") {
		t.Errorf("nothing was kept of the build before:\n%s", log.String())
	}
}

func TestABuildThatFailsSaysItsLastLines(t *testing.T) {
	if os.Geteuid() != 0 {
		return // TestBuildahBuilds says what happens then
	}
	cache := t.TempDir()
	pack, settings := tiny(t, strings.Replace(tinyDockerfile, "echo made >/made", "echo no such plugin; exit 7", 1))
	var log bytes.Buffer
	_, err := ensure(t, cache, &log, pack, settings, nil)
	var failed *images.BuildError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "no such plugin") {
		t.Fatalf("error %v", err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "image-*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
