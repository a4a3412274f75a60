package runas

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// lent is where copies lie in a folder.
const lent = "lent"

// Lend answers where the user's process finds a file or a folder. What isn't for everybody to read, or lies where not
// everybody may go, is copied into its folder under a name; twice replaces the copy.
func (u *User) Lend(name, path string) (string, error) {
	if u.credential == nil || everybodys(path) {
		return path, nil
	}
	return u.lend(name, func(copied string) error {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			return os.CopyFS(copied, os.DirFS(path))
		}
		if err == nil {
			err = copyFile(path, copied)
		}
		return err
	})
}

// LendText is Lend of a file that holds this and nobody else reads.
func (u *User) LendText(name string, text []byte) (string, error) {
	return u.lend(name, func(copied string) error { return os.WriteFile(copied, text, 0o600) })
}

func (u *User) lend(name string, write func(copied string) error) (string, error) {
	copied := u.Path(lent, name)
	err := errors.Join(os.RemoveAll(copied), os.MkdirAll(filepath.Dir(copied), 0o700))
	if err == nil {
		err = write(copied)
	}
	if err == nil {
		err = u.giveAll(u.Path(lent))
	}
	if err != nil {
		return "", fmt.Errorf("lend %s: %w", name, err)
	}
	return u.Inside(lent, name), nil
}

// everybodys tells whether everybody may go to path and read what is there.
func everybodys(path string) bool {
	for above := filepath.Dir(path); ; above = filepath.Dir(above) {
		if info, err := os.Stat(above); err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		if above == filepath.Dir(above) {
			break
		}
	}
	return filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(name)
		if err == nil && (info.Mode()&0o004 == 0 || info.IsDir() && info.Mode()&0o001 == 0) {
			err = fs.ErrPermission
		}
		return err
	}) == nil
}

// giveAll is Give of a tree.
func (u *User) giveAll(path string) error {
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type() == fs.ModeSymlink {
			return err
		}
		inside, err := filepath.Rel(u.path, name)
		if err != nil {
			return err
		}
		return u.Give(inside)
	})
}
