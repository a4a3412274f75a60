package porttest_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/porttest"
)

func TestAnAddressIsNobodyElses(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		address, err := porttest.Address()
		if err != nil {
			t.Fatal(err)
		}
		if seen[address] {
			t.Fatalf("%s was given twice", address)
		}
		seen[address] = true
		// Another process would find it locked, whether somebody listens there or not.
		_, port, _ := strings.Cut(address, ":")
		lock, err := os.Open(filepath.Join(os.TempDir(), fmt.Sprintf("store-platform-ports-%d", os.Getuid()), port))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			t.Errorf("port %s could be taken: %v", port, err)
		}
		_ = lock.Close()
	}
}

func TestWhereSomebodyListensIsPassedOver(t *testing.T) {
	address, err := porttest.Address()
	if err != nil {
		t.Fatal(err)
	}
	var port int
	if _, err := fmt.Sscanf(address, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	taken := fmt.Sprintf("127.0.0.1:%d", port+1)
	// That it fails says that somebody listens there already.
	if stranger, err := net.Listen("tcp", taken); err == nil {
		defer stranger.Close()
	}
	if next, err := porttest.Address(); err != nil || next == taken {
		t.Errorf("%s, %v", next, err)
	}
}
