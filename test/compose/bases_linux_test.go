package compose_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/chart"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// base is an image that is made here under a published one's name.
type base struct {
	names []string
	// changes are what a Dockerfile would say of it; made is all that it is made of.
	changes []string
	made    string
	// tar writes the image's files to a file.
	tar func(path string)
}

// The images that docker-compose.yaml names.
const (
	ofBusybox  = "busybox:1.37"
	ofBroker   = "nats:2.15.2-alpine"
	ofPostgres = "postgres:15-bookworm"
	ofK3s      = "rancher/k3s:v1.34.1-k3s1"
)

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// bases are what the files name.
func (d *daemon) bases() []base {
	d.Helper()
	sources := d.aptSources()
	path := "ENV PATH=" + searchPath
	nats, ctl, sums := program(d.T, tool.Nats), program(d.T, tool.Kubectl), goEnv(d.T, "GOSUMDB")
	return []base{
		{names: []string{ofBusybox}, changes: []string{path, `CMD ["sh"]`}, made: busybox, tar: func(path string) { d.busybox(path, nil) }},
		{
			names: []string{ofBroker}, changes: []string{path, `ENTRYPOINT ["docker-entrypoint.sh"]`}, made: nats + d.text("nats"),
			tar: func(path string) {
				d.busybox(path, map[string]string{"usr/local/bin/nats-server": nats, "usr/local/bin/docker-entrypoint.sh": "testdata/nats"})
			},
		},
		{
			names: []string{ofK3s}, changes: []string{path, `ENTRYPOINT ["/bin/k3s"]`}, made: ctl + d.text("k3s") + d.text("ctr"),
			tar: func(path string) {
				d.busybox(path, map[string]string{"bin/kubectl": ctl, "bin/k3s": "testdata/k3s", "bin/ctr": "testdata/ctr"})
			},
		},
		{
			names: []string{ofPostgres}, made: sources + strings.Join(postgresHooks, "") + chart.PostgresEntrypoint, changes: []string{
				"ENV PATH=/usr/lib/postgresql/15/bin:" + searchPath, "ENV PGDATA=/var/lib/postgresql/data", "VOLUME /var/lib/postgresql/data",
				`ENTRYPOINT ["docker-entrypoint.sh"]`,
			},
			tar: func(path string) {
				entrypoint := filepath.Join(d.dir, "entrypoint")
				if err := os.WriteFile(entrypoint, []byte(chart.PostgresEntrypoint), 0o755); err != nil {
					d.Fatal(err)
				}
				d.debian(path, sources, append(postgresHooks, "--include=postgresql-15",
					"--customize-hook=install -D "+entrypoint+` "$1/usr/local/bin/docker-entrypoint.sh"`)...)
			},
		},
		{
			// Which Debian is below the second is for whoever publishes Go.
			names: []string{"golang:1.26-bookworm", "golang:1.26"}, made: sources + runtime.Version() + sums, changes: []string{
				"ENV PATH=/go/bin:/usr/local/go/bin:" + searchPath, "ENV GOPATH=/go", "ENV GOTOOLCHAIN=local",
				"ENV GOPROXY=" + modulesInside, "ENV GOSUMDB=" + sums, "WORKDIR /go",
			},
			tar: func(path string) {
				goroot := goEnv(d.T, "GOROOT")
				d.debian(path, sources, "--include=ca-certificates", `--customize-hook=mkdir "$1/usr/local/go" && cp -a "`+goroot+`/." "$1/usr/local/go"`)
			},
		},
	}
}

const madeLabel = "store-platform.made-of"

// importBase gives the daemon a base, unless it has it.
func (d *daemon) importBase(b base) {
	d.Helper()
	sum := sha256.Sum256([]byte(strings.Join(append(b.changes, b.made), "\n")))
	key := hex.EncodeToString(sum[:8])
	const format = `{{index .Config.Labels "` + madeLabel + `"}}`
	there, err := exec.CommandContext(d.Context(), docker, "--host", d.host(), "inspect", "--type", "image", "--format", format, b.names[0]).Output()
	if err == nil && strings.TrimSpace(string(there)) == key {
		return
	}
	words := []string{"import"}
	for _, change := range append(b.changes, "LABEL "+madeLabel+"="+key) {
		words = append(words, "--change", change)
	}
	// A file: of a pipe that breaks off, half would be imported.
	archive := filepath.Join(d.dir, "base.tar")
	b.tar(archive)
	d.docker(append(words, archive, b.names[0])...)
	if err := os.Remove(archive); err != nil {
		d.Fatal(err)
	}
	for _, name := range b.names[1:] {
		d.docker("tag", b.names[0], name)
	}
}

func (d *daemon) text(name string) string {
	d.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		d.Fatal(err)
	}
	return string(data)
}

const busybox = "/bin/busybox"

// busybox writes an archive of Debian's static busybox with all its names, and programs of this machine by their paths in it.
func (d *daemon) busybox(path string, programs map[string]string) {
	d.Helper()
	archive, err := os.Create(path)
	if err != nil {
		d.Fatal(err)
	}
	defer archive.Close()
	w := tar.NewWriter(archive)
	header := func(h tar.Header) {
		if err := w.WriteHeader(&h); err != nil {
			d.Fatal(err)
		}
	}
	for _, folder := range []string{"bin/", "etc/", "root/", "tmp/", "usr/", "usr/local/", "usr/local/bin/"} {
		mode := int64(0o755)
		if folder == "tmp/" {
			mode = 0o1777
		}
		header(tar.Header{Typeflag: tar.TypeDir, Name: folder, Mode: mode})
	}
	names, err := exec.CommandContext(d.Context(), busybox, "--list").Output()
	if err != nil {
		d.Fatalf("ask busybox for its names: %v", err)
	}
	for _, name := range strings.Fields(string(names)) {
		if name != "busybox" {
			header(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"})
		}
	}
	files := maps.Clone(programs)
	if files == nil {
		files = map[string]string{}
	}
	files["bin/busybox"] = busybox
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data, err := os.ReadFile(files[name])
		if err != nil {
			d.Fatal(err)
		}
		header(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(data))})
		if _, err := w.Write(data); err != nil {
			d.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		d.Fatal(err)
	}
}

// postgresHooks make the user and folder that the published image has.
var postgresHooks = []string{
	// Before packages are there that have a program for it.
	`--essential-hook=echo postgres:x:999: >>"$1/etc/group" && echo postgres:x:999:999::/var/lib/postgresql:/bin/bash >>"$1/etc/passwd"`,
	`--essential-hook=mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"`,
	`--customize-hook=install -d -o 999 -g 999 -m 1777 "$1/var/lib/postgresql/data"`,
}

// suite is the Debian that the published images are of.
const suite = "bookworm"

// aptSources are those of this machine's sources that are of suite, as deploy/local takes them, or none: then mmdebstrap knows
// Debian's own.
func (d *daemon) aptSources() string {
	d.Helper()
	const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
	said, err := exec.CommandContext(d.Context(), "apt-get", "indextargets", "--format", format, "Created-By: Packages").Output()
	if err != nil {
		d.Fatalf("ask apt for its sources: %v", err)
	}
	ours := regexp.MustCompile(`(?m)^[^ @]+ ` + suite + `(-\S+|/updates)? main$`)
	var sources []string
	for _, source := range ours.FindAllString(string(said), -1) {
		sources = append(sources, "deb "+source+"\n")
	}
	slices.Sort(sources)
	return strings.Join(slices.Compact(sources), "")
}

// debian writes an archive of Debian's smallest, from apt's sources, with what the words add.
func (d *daemon) debian(path, sources string, words ...string) {
	d.Helper()
	arguments := append([]string{
		"--mode=root", "--variant=minbase", "--format=tar", `--aptopt=APT::Install-Recommends "false"`,
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
	}, words...)
	command := exec.Command("mmdebstrap", append(arguments, suite, path)...)
	if sources != "" {
		command.Args, command.Stdin = append(command.Args, "-"), strings.NewReader(sources)
	}
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := guard.Run(d.Context(), command); err != nil {
		d.Fatalf("make Debian with %v: %v\n%s", words, err, said.Bytes())
	}
}
