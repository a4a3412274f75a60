// Package porttest finds ports for programs that tests start, stop and start again at the same place.
//
// A test that asks the system for any port, closes it and gives its number to a program has lost it for a moment, and loses it
// again whenever the program ends. So ports are taken from below those that the system gives away by itself, and each is
// locked, in a file that all of the user's tests know, for as long as the process lives that asked for it.
package porttest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// The ports lie below those that Linux gives to outgoing connections (32768), and below those that the supervisor of `make up`
// takes for itself (20000), which knows of no locks.
const (
	first = 15000
	count = 5000
)

var errNone = errors.New("no port is free")

var (
	mu sync.Mutex
	// next differs between processes, so that two that begin at once don't try the same ports one after the other.
	next = os.Getpid() * 97
	// held keeps the locks.
	held []*os.File
)

// Address is one of loopback at which nobody listens, and which no other test is given while this process lives.
func Address() (string, error) {
	mu.Lock()
	defer mu.Unlock()
	for range count {
		port := first + next%count
		next++
		lock, err := take(port)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return "", err
		}
		held = append(held, lock)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		// Somebody who isn't a test may listen there.
		if listener, err := net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", errNone
}

func take(port int) (*os.File, error) {
	// Each user's own: another's files couldn't be opened.
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("store-platform-ports-%d", os.Getuid()))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of ports: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(folder, fmt.Sprint(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take a port: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("take port %d: %w", port, err), lock.Close())
	}
	return lock, nil
}
