// Package state is the folder that `local up` keeps between runs (.local in the clone):
// who this installation is, the passwords of the broker's users, and, while it runs,
// where everything listens and which processes there are. One supervisor at a time
// holds it, by an flock that ends with the process.
package state

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
)

// Names inside the folder.
const (
	lockFile      = "lock"
	identityFile  = "installation.json"
	endpointsFile = "endpoints.json"
	statusFile    = "status.json"
	logFolder     = "log"
)

// lockPatience is how long Hold tries before it believes that somebody else runs.
const lockPatience = 400 * time.Millisecond

// Dir is the folder, held by this process. Made by Hold.
type Dir struct {
	path string
	lock *os.File
}

// Identity is made once and stays for as long as the folder does.
type Identity struct {
	// Installation labels everything that this installation puts into a cluster.
	Installation string `json:"installation"`
	// Passwords are the broker's, by user.
	Passwords map[string]string `json:"passwords"`
}

// Endpoints say where a running installation is. Programs read them from endpoints.json.
type Endpoints struct {
	API        string `json:"api"`    // URL of page and API
	Stores     string `json:"stores"` // address of the door to the stores
	Base       string `json:"base"`   // what stands behind "store-<id>." in a store's host
	Broker     string `json:"broker"`
	Events     string `json:"events"`
	Database   string `json:"database"`
	Kubeconfig string `json:"kubeconfig"`
}

// Status is what `local status` prints.
type Status struct {
	Cluster string `json:"cluster"`
	// Trouble is what each part failed with that is being tried again.
	Trouble   map[string]string  `json:"trouble,omitempty"`
	Processes []supervise.Status `json:"processes"`
}

// RunningError says that another supervisor holds the folder.
type RunningError struct{ PID int }

func (e *RunningError) Error() string {
	return fmt.Sprintf("process %d runs here already", e.PID)
}

// Hold makes the folder when it is absent and takes hold of it, or fails with a
// *RunningError.
func Hold(path string) (*Dir, error) {
	if err := os.MkdirAll(filepath.Join(path, logFolder), 0o755); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := take(lock); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &RunningError{PID: holder(path)}
		}
		return nil, fmt.Errorf("lock the state folder: %w", err)
	}
	if err := errors.Join(lock.Truncate(0), writeAt(lock, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("write the lock: %w", err)
	}
	return &Dir{path: path, lock: lock}, nil
}

// take tries for a moment: Look holds the lock for as long as it takes to see that nobody does.
func take(lock *os.File) error {
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(lockPatience / 20) {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// Release says that nothing runs any more and lets the folder go.
func (d *Dir) Release() error {
	err := errors.Join(remove(d.Path(endpointsFile)), remove(d.Path(statusFile)))
	return errors.Join(err, d.lock.Close())
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Path is the path of something in the folder.
func (d *Dir) Path(elements ...string) string {
	return filepath.Join(append([]string{d.path}, elements...)...)
}

// Logs is the folder of the logs.
func (d *Dir) Logs() string { return d.Path(logFolder) }

// IsNew tells whether no installation has been here yet, or none since the folder was removed.
func (d *Dir) IsNew() bool {
	_, err := os.Stat(d.Path(identityFile))
	return errors.Is(err, fs.ErrNotExist)
}

// Identity reads who this installation is, and makes it up the first time.
func (d *Dir) Identity(users []string) (Identity, error) {
	var identity Identity
	if err := read(d.Path(identityFile), &identity); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Identity{}, err
	}
	if identity.Installation == "" {
		identity.Installation = strings.ToLower(rand.Text()[:8])
	}
	if identity.Passwords == nil {
		identity.Passwords = map[string]string{}
	}
	for _, user := range users {
		if identity.Passwords[user] == "" {
			identity.Passwords[user] = rand.Text()
		}
	}
	return identity, write(d.Path(identityFile), identity)
}

// Announce writes endpoints.json.
func (d *Dir) Announce(e Endpoints) error { return write(d.Path(endpointsFile), e) }

// Report writes status.json.
func (d *Dir) Report(s Status) error { return write(d.Path(statusFile), s) }

// Look reads what runs in the folder at path. Nothing runs there when pid is zero.
func Look(path string) (pid int, e Endpoints, s Status, err error) {
	lock, err := os.Open(filepath.Join(path, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, e, s, nil
	}
	if err != nil {
		return 0, e, s, fmt.Errorf("open the lock: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err == nil {
		return 0, e, s, nil
	}
	for name, into := range map[string]any{endpointsFile: &e, statusFile: &s} {
		// A supervisor that is just starting hasn't written them yet.
		if err := read(filepath.Join(path, name), into); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, e, s, err
		}
	}
	return holder(path), e, s, nil
}

// Known reads who the installation in the folder at path is, without holding it.
func Known(path string) (Identity, error) {
	var identity Identity
	err := read(filepath.Join(path, identityFile), &identity)
	return identity, err
}

// IsState tells whether path is a folder that Hold made, and so one that may be removed.
func IsState(path string) bool {
	_, err := os.Stat(filepath.Join(path, lockFile))
	return err == nil
}

func holder(path string) int {
	text, err := os.ReadFile(filepath.Join(path, lockFile))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// write replaces a file as a whole: readers never see half of it.
func write(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return os.Rename(temporary, path)
}
