package tiers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// linterVersion is pinned: another version finds other things.
const linterVersion = "v2.15.0"

// installLinter answers the linter's path. Building it takes minutes, so it happens once per machine, by the compiler
// in use (an older one couldn't read our sources), in a folder that is renamed into place.
func (r *runner) installLinter(ctx context.Context) (string, error) {
	const name = "golangci-lint"
	dir := filepath.Join(r.cache, "tools", name+"-"+linterVersion+"-"+runtime.Version())
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make the folder of tools: %w", err)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(dir), name)
	if err != nil {
		return "", fmt.Errorf("make a folder for %s: %w", name, err)
	}
	fmt.Fprintf(r.out, "building %s %s (once per machine, some minutes)\n", name, linterVersion)
	install := r.command(ctx, ".", "nice", "-n", "10", "go", "install", "github.com/golangci/golangci-lint/v2/cmd/"+name+"@"+linterVersion)
	install.Env = append(install.Env, "GOBIN="+temporary)
	if output, err := install.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build %s: %w\n%s", name, err, output), os.RemoveAll(temporary))
	}
	if err := os.Rename(temporary, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return "", errors.Join(fmt.Errorf("put %s in place: %w", name, err), os.RemoveAll(temporary))
	}
	return path, nil
}

// packages are Debian's, by a file of each.
type packages []struct{ file, name string }

// debian is what the tests need of the distribution. What a cluster needs besides is
// installed by deploy/local, which knows.
var debian = packages{
	{"/usr/lib/postgresql/*/bin/initdb", "postgresql"},
	{"/usr/bin/gcc", "gcc"},
	{"/usr/include/stdlib.h", "libc6-dev"},
	{"/usr/bin/chromium", "chromium"},
	{"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "fonts-dejavu-core"},
	{"/usr/bin/curl", "curl"},
	{"/usr/bin/unzip", "unzip"},
	{"/usr/bin/php", "php-cli"},
	{"/usr/bin/node", "nodejs"},
	{"/usr/sbin/mkfs.ext4", "e2fsprogs"},
	{"/usr/bin/mount", "mount"},
	{"/usr/bin/buildah", "buildah"},
	{"/usr/bin/mmdebstrap", "mmdebstrap"},
	{"/bin/busybox", "busybox-static"},
	{"/usr/bin/shellcheck", "shellcheck"},
}

// engine is what running containers takes besides.
var engine = packages{{"/usr/sbin/dockerd", "docker.io"}, {"/usr/sbin/iptables", "iptables"}}

// installPackages installs what is missing, as root on Debian, after printing the line. INSTALL=0 and everybody else
// get the line to run themselves.
func (r *runner) installPackages(ctx context.Context, wanted packages) error {
	var missing []string
	for _, p := range wanted {
		if found, _ := filepath.Glob(p.file); len(found) == 0 {
			missing = append(missing, p.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	line := "apt-get install --yes --no-install-recommends " + strings.Join(missing, " ")
	if _, err := os.Stat("/usr/bin/apt-get"); err != nil || os.Geteuid() != 0 || os.Getenv("INSTALL") == "0" {
		return fmt.Errorf("these Debian packages or their like are missing: %s\n  as root: %s", strings.Join(missing, " "), line)
	}
	fmt.Fprintln(r.out, line)
	for _, words := range []string{"apt-get update --quiet", line} {
		fields := strings.Fields(words)
		install := r.command(ctx, ".", fields[0], fields[1:]...)
		install.Env = append(install.Env, "DEBIAN_FRONTEND=noninteractive")
		if output, err := install.CombinedOutput(); err != nil {
			return fmt.Errorf("run %q: %w\n%s", words, err, output)
		}
	}
	return nil
}
