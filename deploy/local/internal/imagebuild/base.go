package imagebuild

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
)

// suite is the Debian that the Dockerfiles' own base has too.
const suite = "bookworm"

// baseOptions make the base what debian:bookworm-slim is, which the Dockerfiles take elsewhere: no documentation, no
// translations, also of what is installed later, and no package that starts services while it is installed. Only the
// certificates of authorities are there besides, so that steps can fetch over TLS.
var baseOptions = []string{
	"--mode=root", "--variant=minbase", "--format=tar",
	// Told beforehand that bin is a link to usr/bin, packages don't ask for a program in Perl that makes it one: 50 MB.
	"--include=ca-certificates,usr-is-merged", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
	`--aptopt=APT::Install-Recommends "false"`,
	`--aptopt=Acquire::Languages "none"`,
	"--dpkgopt=path-exclude=/usr/share/doc/*",
	"--dpkgopt=path-include=/usr/share/doc/*/copyright",
	"--dpkgopt=path-exclude=/usr/share/man/*",
	"--dpkgopt=path-exclude=/usr/share/info/*",
	"--dpkgopt=path-exclude=/usr/share/groff/*",
	"--dpkgopt=path-exclude=/usr/share/lintian/*",
	"--dpkgopt=path-exclude=/usr/share/locale/*",
	"--dpkgopt=path-include=/usr/share/locale/locale.alias",
}

const baseTar = "base.tar"

// base is what buildah's images begin with.
type base struct {
	sources []string // of apt
	key     string
}

// newBase reads apt's own sources: whatever mirror this machine uses, it reaches.
func newBase(ctx context.Context) (base, error) {
	made := base{sources: aptSources(ctx)}
	key := buildcache.NewKey(append([]string{"base 3", suite, runtime.GOARCH}, baseOptions...)...)
	var err error
	made.key, err = key.Words(made.sources...).Words(baseDockerfile, baseFiles[policyFile], baseFiles[aptFile]).String()
	return made, err
}

// aptSources are those of this machine's sources that are of suite, or none: then mmdebstrap knows Debian's own.
func aptSources(ctx context.Context) []string {
	const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
	said, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", format, "Created-By: Packages").Output()
	if err != nil {
		return nil
	}
	var sources []string
	for line := range strings.Lines(string(said)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "main" || strings.Contains(fields[0], "@") {
			continue // an address with a password would end up in the image
		}
		if release := strings.TrimSuffix(fields[1], "/updates"); release == suite || strings.HasPrefix(release, suite+"-") {
			sources = append(sources, "deb "+strings.Join(fields, " "))
		}
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}

func (b base) ref() string { return "localhost/store-platform/base:" + b.key }

// folder answers the folder with the base as a context that buildah builds, made when it isn't in the cache.
func (b base) folder(ctx context.Context, builder *Builder, progress images.Progress) (string, error) {
	return buildcache.Ensure(ctx, builder.Cache, "image-base", b.key, func(ctx context.Context, dir string) error {
		if progress != nil {
			progress("making the base of Debian packages", 0, 0)
		}
		words := append(slices.Clone(baseOptions), suite, filepath.Join(dir, baseTar))
		command := exec.Command("mmdebstrap", words...)
		if len(b.sources) > 0 {
			command.Args = append(command.Args, "-")
			command.Stdin = strings.NewReader(strings.Join(b.sources, "\n") + "\n")
		}
		// With no times of its own, the same packages are the same base, and what was built on it stays valid.
		command.Env = append(environment(dir), "SOURCE_DATE_EPOCH=0")
		if err := builder.run(ctx, "make the base image", command, nil); err != nil {
			return err
		}
		for name, text := range baseFiles {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return fmt.Errorf("write the base's files: %w", err)
			}
		}
		return nil
	})
}

// What lies in a base's folder beside the tar.
const (
	policyFile = "policy-rc.d"
	aptFile    = "apt.conf"
)

const baseDockerfile = `FROM scratch
ADD ` + baseTar + ` /
COPY --chmod=755 ` + policyFile + ` /usr/sbin/policy-rc.d
COPY ` + aptFile + ` /etc/apt/apt.conf.d/clean
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["bash"]
`

// baseFiles: no package starts a service while it is installed, and neither downloaded packages nor apt's index of what it
// has read stay in a layer. They are added by the Dockerfile because mmdebstrap removes them when it tidies up.
var baseFiles = map[string]string{
	images.Dockerfile: baseDockerfile,
	policyFile:        "#!/bin/sh\nexit 101\n",
	aptFile: `DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
`,
}
