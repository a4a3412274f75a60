package buildcache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyLength is how many hexadecimal digits of the hash name a folder: short enough to
// read, long enough that two inputs never share one.
const keyLength = 16

// Key collects the inputs of a build. The zero value isn't usable: see NewKey.
type Key struct {
	sum hash.Hash
	err error
}

// NewKey starts a key with the inputs that are words: versions, flags, platforms.
func NewKey(words ...string) *Key {
	return (&Key{sum: sha256.New()}).Words(words...)
}

// Words adds more of them.
func (k *Key) Words(words ...string) *Key {
	for _, word := range words {
		k.add("word", word)
	}
	return k
}

// Tree adds every file below dir: its relative path, whether it can be executed, and its
// content. Skipped are Go tests, files and folders whose name starts with a dot, and
// folders below dir with a go.mod of their own (they are other modules, with keys of their own), unless
// nested asks for those too.
func (k *Key) Tree(dir string, nested bool) *Key {
	if k.err != nil {
		return k
	}
	k.err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case path == dir:
			return nil
		case entry.IsDir() && (strings.HasPrefix(name, ".") || name == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() && !nested && isModule(path):
			return filepath.SkipDir
		case entry.IsDir() || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return k.file(filepath.ToSlash(relative), path)
	})
	return k
}

// Whole adds everything below dir, whatever it is called: relative paths, modes, what links point to, contents.
func (k *Key) Whole(dir string) *Key {
	if k.err != nil {
		return k
	}
	k.err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		switch {
		case entry.IsDir():
			k.add("folder", relative)
			return nil
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			k.add("link", relative, target)
			return err
		}
		return k.file(relative, path)
	})
	return k
}

// String is the key, or the error of the first input that couldn't be read.
func (k *Key) String() (string, error) {
	if k.err != nil {
		return "", fmt.Errorf("hash the inputs of a build: %w", k.err)
	}
	return hex.EncodeToString(k.sum.Sum(nil))[:keyLength], nil
}

func (k *Key) file(name, path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	content := sha256.New()
	if _, err := io.Copy(content, file); err != nil {
		return err
	}
	k.add("file", name, fmt.Sprint(info.Mode()&0o111 != 0), hex.EncodeToString(content.Sum(nil)))
	return nil
}

// add writes the parts with their lengths, so that no two lists of parts hash alike.
func (k *Key) add(kind string, parts ...string) {
	fmt.Fprintf(k.sum, "%s %d\n", kind, len(parts))
	for _, part := range parts {
		fmt.Fprintf(k.sum, "%d:%s\n", len(part), part)
	}
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
