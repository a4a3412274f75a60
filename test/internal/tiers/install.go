package tiers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/store-platform/store-platform/test/internal/tool"
)

// golangci is the linter. The compiler in use builds it: one by an older couldn't read our sources.
var golangci = tool.Tool{Name: "golangci-lint", Package: "github.com/golangci/golangci-lint/v2/cmd/golangci-lint", Version: "v2.15.0"}

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
	{"/usr/bin/npm", "npm"},
	{"/usr/sbin/mkfs.ext4", "e2fsprogs"},
	{"/usr/bin/mount", "mount"},
	{"/bin/kill", "procps"},
	{"/usr/bin/buildah", "buildah"},
	{"/usr/bin/mmdebstrap", "mmdebstrap"},
	{"/bin/busybox", "busybox-static"},
	{"/usr/bin/shellcheck", "shellcheck"},
}

// daemon is what running containers takes besides.
var daemon = packages{{"/usr/sbin/dockerd", "docker.io"}, {"/usr/sbin/iptables", "iptables"}}

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
