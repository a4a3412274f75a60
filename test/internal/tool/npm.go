package tool

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// Spectral is what holds OpenAPI documents against rules.
var Spectral = Script{Name: "spectral", Folder: "test/sources/spectral"}

// Script is a program of npm's.
type Script struct {
	// Name is the program's, Folder that of the clone whose package-lock.json says what it is made of, to the last byte.
	Name, Folder string
}

// Path is where the program is. Where it isn't installed yet, the registry that npm is set up for is asked, and out is told.
func (s Script) Path(ctx context.Context, out io.Writer) (string, error) {
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	lock, err := os.ReadFile(filepath.Join(root, s.Folder, "package-lock.json"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	folder := filepath.Join(cache, "store-platform", "tools", fmt.Sprintf("%s-%08x", s.Name, crc32.ChecksumIEEE(lock)))
	return inPlace(folder, filepath.Join("node_modules", ".bin", s.Name), func(temporary string) error {
		fmt.Fprintf(out, "installing %s (once per machine, up to a minute)\n", s.Name)
		return s.install(ctx, filepath.Join(root, s.Folder), temporary)
	})
}

// install runs no package's own scripts: they would be programs that nobody has looked at.
func (s Script) install(ctx context.Context, from, folder string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	install := exec.Command("nice", "-n", "5", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
	install.Dir = folder
	var said bytes.Buffer
	install.Stdout, install.Stderr = &said, &said
	if err := guard.Run(ctx, install); err != nil {
		return fmt.Errorf("%w\n%s", err, said.Bytes())
	}
	return nil
}
