package imagebuild

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
)

// certificates are this machine's, which may sign anew what it lets through. Steps see them and images don't hold them.
// It is the one file and not its folder: packages that make a certificate while they are installed write beside it.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// buildah builds without an engine.
type buildah struct {
	*Builder
	base base
}

func (b buildah) identity() string {
	return "buildah 1 " + b.base.key
}

// programs that building takes, by the package that has them.
var programs = []struct{ name, pack string }{
	{"buildah", "buildah"}, {"mmdebstrap", "mmdebstrap"}, {"unshare", "util-linux"},
}

func (buildah) packages() []string {
	var missing []string
	for _, p := range programs {
		if _, err := exec.LookPath(p.name); err != nil {
			missing = append(missing, p.pack)
		}
	}
	return missing
}

func (b buildah) build(ctx context.Context, j *job) error {
	folder := ""
	if j.file.useBase() {
		var err error
		if folder, err = b.base.folder(ctx, b.Builder, j.progress); err != nil {
			return err
		}
	}
	store, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer store.close()
	if folder != "" {
		if err := store.ensureBase(ctx, folder, j.dir); err != nil {
			return err
		}
	}
	total := 0
	for _, target := range j.targets() {
		total += j.file.count(target, j.contexts, everything)
	}
	meter := &meter{file: j.file, progress: j.progress, total: total}
	layout := filepath.Join(j.dir, "layout")
	for _, target := range j.targets() {
		command := store.command(j.dir, append(b.words(j, target), j.folder)...)
		if err := b.run(ctx, "build image "+target+" of "+j.pack.Title, command, meter.take); err != nil {
			return err
		}
		if j.progress != nil {
			j.progress("packing", min(meter.done, total), total)
		}
		push := store.command(j.dir, "push", "--quiet", local(j, target), "oci:"+layout+":"+target)
		if err := b.run(ctx, "take image "+target+" out", push, nil); err != nil {
			return err
		}
	}
	if err := writeArchive(filepath.Join(j.dir, archiveFile), layout, j.pack.Images); err != nil {
		return err
	}
	return os.RemoveAll(layout)
}

// local is an image's name in buildah's own store: another clone's of the same name mustn't be taken for it.
func local(j *job, target string) string {
	return "localhost/store-platform/" + j.pack.Name + "-" + target + ":" + j.key
}

func (b buildah) words(j *job, target string) []string {
	words := []string{
		"build", "--isolation", "chroot", "--network", "host", "--pull=never", "--layers", "--format", "oci",
		"--build-arg", "BASE=" + b.base.ref(), "--target", target, "--tag", local(j, target),
		"--ulimit", fmt.Sprintf("nofile=%[1]d:%[1]d", openFiles()),
	}
	if _, err := os.Stat(certificates); err == nil {
		words = append(words, "--build-arg", "NODE_EXTRA_CA_CERTS="+certificates, "--volume", certificates+":"+certificates+":ro")
	}
	return append(words, j.contextFlags()...)
}

// openFiles is how many files a step of a build may have open: as many as this process may, which root can't raise where it
// has few rights. Buildah's own 1,024 are too few for bundlers, which then say that a file isn't there.
func openFiles() uint64 {
	const enough = 1 << 16
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return min(limit.Max, enough)
}

// layerStore is where buildah keeps layers between builds, so that a changed last step doesn't repeat the first. It is
// held by one build at a time: what a killed one left in it can then be told from what another still uses.
type layerStore struct {
	builder buildah
	driver  string
	folder  string
	unlock  func()
}

func (b buildah) open(ctx context.Context) (*layerStore, error) {
	folder := filepath.Join(b.Cache, "buildah")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of layers: %w", err)
	}
	unlock, err := buildcache.Lock(ctx, filepath.Join(folder, "lock"))
	if err != nil {
		return nil, fmt.Errorf("wait for another build of images: %w", err)
	}
	s := &layerStore{builder: b, folder: folder, unlock: unlock, driver: "overlay"}
	if err := s.tidy(ctx); err != nil {
		// Layers can't be stacked where the disk is stacked itself, as in a container: there they are copied.
		s.driver = "vfs"
		if err := s.tidy(ctx); err != nil {
			unlock()
			return nil, err
		}
	}
	return s, nil
}

func (s *layerStore) close() { s.unlock() }

// tidy removes the working containers that a killed build left.
func (s *layerStore) tidy(ctx context.Context) error {
	return s.builder.run(ctx, "open buildah's store", s.command(s.folder, "rm", "--all"), nil)
}

// ensureBase makes the base an image of this store, from the one in the cache.
func (s *layerStore) ensureBase(ctx context.Context, folder, temporary string) error {
	ref := s.builder.base.ref()
	if s.has(ctx, ref) {
		return nil
	}
	command := s.command(temporary, "build", "--layers", "--timestamp", "0", "--pull=never", "--tag", ref, folder)
	return s.builder.run(ctx, "take the base image in", command, nil)
}

func (s *layerStore) has(ctx context.Context, ref string) bool {
	command := s.command(s.folder, "inspect", "--type", "image", "--format", "{{.FromImageID}}", ref)
	return s.builder.run(ctx, "look for "+strings.TrimPrefix(ref, "localhost/"), command, func(string) bool { return true }) == nil
}

// command is buildah in namespaces of its own: when it is killed, in the middle of a step too, everything that it
// started and mounted is gone with it.
func (s *layerStore) command(temporary string, words ...string) *exec.Cmd {
	arguments := append([]string{
		"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
		"buildah", "--root", filepath.Join(s.folder, s.driver), "--runroot", filepath.Join(s.folder, "run-"+s.driver),
		"--storage-driver", s.driver,
	}, words...)
	command := exec.Command("unshare", arguments...)
	command.Env = environment(temporary)
	return command
}
