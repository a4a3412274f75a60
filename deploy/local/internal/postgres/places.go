package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// elsewhere holds the data of state folders that the unprivileged user can't reach.
const elsewhere = "/var/lib/store-platform"

// longestSocket is how long the path of a socket's folder may be: the kernel takes 107
// bytes for the whole, and the socket's own name has 14.
const longestSocket = 92

// home is the folder of the server's data for a state folder.
func home(state string) string {
	if os.Geteuid() != 0 || reachable(state) {
		return filepath.Join(state, "postgres")
	}
	return filepath.Join(elsewhere, short(state))
}

func socket(state string) string {
	path := filepath.Join(home(state), "socket")
	if len(path) <= longestSocket {
		return path
	}
	return filepath.Join("/tmp", "store-platform-"+short(state))
}

// Remove removes what New and Init made for a state folder, wherever it lies. The
// server must not run.
func Remove(state string) error {
	err := errors.Join(os.RemoveAll(socket(state)), os.RemoveAll(home(state)))
	// It goes with the last installation that needed it; until then it isn't empty.
	_ = os.Remove(elsewhere)
	return err
}

func short(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:6])
}

// reachable tells whether everybody may walk down to path. What isn't there yet will be
// made, and made so.
func reachable(path string) bool {
	for ; ; path = filepath.Dir(path) {
		if info, err := os.Stat(path); err == nil && info.Mode()&0o001 == 0 {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
	}
}

// unprivileged finds a user that isn't root to run the server as.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("find a user to run PostgreSQL as: neither %q nor %q exists", "postgres", "nobody")
}
