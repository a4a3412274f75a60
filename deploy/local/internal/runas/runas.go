// Package runas gives each process that root supervises a user of its own, and a folder that nobody else may enter.
//
// The users are numbers without a name: nothing is added to /etc/passwd, and nobody signs in as one. The folders lie in the
// state folder, which may lie where none of them can go (a clone below /root). So each process is handed its folder, opened,
// and finds its files below that file descriptor: the way there is closed for everybody, also for a process that runs as the
// same number. What is in the folder belongs to root, so that no process can put a link where root writes next; what a
// process writes itself is in a folder inside it.
//
// Where the supervisor isn't root, everything runs as who started it, and the folders are found by their paths.
package runas

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const (
	// first is above what useradd, the ranges of containers and systemd give out, and below what 32 bits hold with a sign. Each
	// installation has so many numbers above it.
	first         = 1_900_000_000
	installations = 1_000_000
	each          = 10
	// lowFirst stands in for it in a container whose users end before, among those that Debian gives to nobody.
	lowFirst, lowInstallations = 64_000, 90

	// handed is the file descriptor of the folder, and inherited the first that a process may have.
	handed, inherited = 9, 3
	// folders is where they lie in the state folder.
	folders = "own"
)

// User is whom one process runs as. Made by New; it is for one process at a time.
type User struct {
	path string
	// credential is nil for the user of this process; then folder is nil, too.
	credential *syscall.Credential
	folder     *os.File
}

// New makes the folder of a process in a state folder, and finds its user: the number'th of the installation, of ten. What an
// earlier run lent is taken back.
func New(state, installation, name string, number int) (*User, error) {
	u := &User{path: filepath.Join(state, folders, name)}
	if os.Geteuid() == 0 && runtime.GOOS == "linux" {
		id := idOf(installation, number)
		u.credential = &syscall.Credential{Uid: id, Gid: id}
	}
	if err := errors.Join(os.MkdirAll(u.path, 0o700), os.RemoveAll(u.Path(lent))); err != nil {
		return nil, fmt.Errorf("make the folder of %s: %w", name, err)
	}
	if u.credential == nil {
		return u, nil
	}
	if err := u.Give(""); err != nil {
		return nil, err
	}
	var err error
	if u.folder, err = os.Open(u.path); err != nil {
		return nil, fmt.Errorf("open the folder of %s: %w", name, err)
	}
	return u, nil
}

// idOf is the same for an installation wherever its state folder is moved to.
func idOf(name string, number int) uint32 {
	sum := fnv.New32a()
	_, _ = io.WriteString(sum, name)
	high := first + sum.Sum32()%installations*each + uint32(number)
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil || mapped(string(text), high) {
		return high
	}
	return lowFirst + sum.Sum32()%lowInstallations*each + uint32(number)
}

// mapped tells whether there is such a user where this process runs, by the kernel's table of them.
func mapped(table string, id uint32) bool {
	for line := range strings.Lines(table) {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil && uint64(id) >= inside && uint64(id) < inside+count {
			return true
		}
	}
	return false
}

// Path is where this process finds something of the folder.
func (u *User) Path(elements ...string) string {
	return filepath.Join(append([]string{u.path}, elements...)...)
}

// Inside is where the user's own process finds it.
func (u *User) Inside(elements ...string) string {
	if u.credential == nil {
		return u.Path(elements...)
	}
	return filepath.Join(append([]string{"/proc/self/fd", strconv.Itoa(handed)}, elements...)...)
}

// Group may enter what this user has to reach elsewhere; -1 is no other than this process's.
func (u *User) Group() int {
	if u.credential == nil {
		return -1
	}
	return int(u.credential.Gid)
}

// Give lets the user read something that was written into its folder, and no more.
func (u *User) Give(elements ...string) error {
	path := u.Path(elements...)
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("hand %s over: %w", path, err)
	}
	if u.credential == nil {
		return nil
	}
	mode := fs.FileMode(0o640)
	if info.IsDir() || info.Mode()&0o100 != 0 {
		mode = 0o750
	}
	if err := errors.Join(os.Chown(path, 0, int(u.credential.Gid)), os.Chmod(path, mode)); err != nil {
		return fmt.Errorf("hand %s over: %w", path, err)
	}
	return nil
}

// Folder makes a folder inside that the user writes itself, of what an earlier release had at before, if anything: that one
// finds it there still, if somebody goes back. What others wrote in it, that release's root, is handed over.
func (u *User) Folder(name, before string) error {
	path := u.Path(name)
	err := take(before, path)
	if err == nil {
		err = leave(before, path) // at every start: an earlier one may have been killed in between
	}
	if err != nil {
		return fmt.Errorf("make the folder %s: %w", path, err)
	}
	if u.credential == nil {
		return nil
	}
	if err := own(path, u.credential); err != nil {
		return fmt.Errorf("hand %s over: %w", path, err)
	}
	return nil
}

// take moves what is at before to path, unless something is there already. A link that leads nowhere isn't moved: it would
// come to lead to itself.
func take(before, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(before); errors.Is(err, fs.ErrNotExist) {
		return os.Mkdir(path, 0o700)
	}
	return os.Rename(before, path)
}

// leave has what is at path be found at before, also when both are moved together. What is there already stays.
func leave(before, path string) error {
	there, err := filepath.Rel(filepath.Dir(before), path)
	if err != nil {
		return err
	}
	if err := os.Symlink(there, before); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// own changes nothing outside the tree, whatever its user has put into it.
func own(path string, to *syscall.Credential) error {
	tree, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer tree.Close()
	return fs.WalkDir(tree.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid == to.Uid && owner.Gid == to.Gid {
			return nil
		}
		return tree.Lchown(name, int(to.Uid), int(to.Gid))
	})
}

// Run is a command that runs a program, which may lie anywhere, as the user.
// How, its caller says: it is told where the process finds the program and whom to become, nobody else where that is nil.
func (u *User) Run(program string, how func(program string, as *syscall.Credential) *exec.Cmd) (*exec.Cmd, error) {
	if u.credential == nil {
		command := how(program, nil)
		command.Dir = "/"
		return command, nil
	}
	if err := u.bring(program); err != nil {
		return nil, fmt.Errorf("bring %s to its user: %w", program, err)
	}
	inside := u.Inside(filepath.Base(program))
	command := how(inside, u.credential)
	if command.Path == inside {
		command.Args[0] = program // for people who look at processes
	}
	command.Dir = "/"
	files := append([]*os.File{}, command.ExtraFiles...)
	for len(files) < handed-inherited {
		files = append(files, nil)
	}
	command.ExtraFiles = append(files, u.folder)
	return command, nil
}

// bring puts a program into the folder. It is another name of the same file where that can be.
func (u *User) bring(program string) error {
	path := u.Path(filepath.Base(program))
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	program, err := filepath.EvalSymlinks(program)
	if err != nil {
		return err
	}
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	if info.Mode()&0o005 == 0o005 && os.Link(program, path) == nil {
		return nil
	}
	if err := copyFile(program, path); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
