package broker_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/guard"
)

// hanging is set where this test is the one that hangs.
const hanging = "HANG_WITH_A_BROKER"

// A test that hangs is ended by a time-out, which is a panic, or by whoever has lost patience: no deferred function runs.
// Yet nothing that it started is left: no process, no mount, no port.
func TestATestThatIsEndedLeavesNothingBehind(t *testing.T) {
	if os.Getenv(hanging) != "" {
		hang(t)
	}
	if os.Geteuid() != 0 {
		t.Skip("mounting a filesystem takes root")
	}
	// A crash is what SIGQUIT makes of a Go program: the same as a panic.
	for _, end := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		t.Run(end.String(), func(t *testing.T) {
			test := exec.Command(os.Args[0], "-test.run=^TestATestThatIsEndedLeavesNothingBehind$", "-test.v")
			test.Env = append(os.Environ(), hanging+"=1")
			output, err := test.StdoutPipe()
			if err == nil {
				err = guard.Join(test)
			}
			if err == nil {
				err = test.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			var pids [2]int
			var address, image string
			for lines := bufio.NewScanner(output); image == "" && lines.Scan(); {
				_, _ = fmt.Sscanf(lines.Text(), "hanging %d %d %s %s", &pids[0], &pids[1], &address, &image)
			}
			if image == "" {
				t.Fatal("the test that was to hang ended")
			}
			if err := test.Process.Signal(end); err != nil {
				t.Fatal(err)
			}
			_ = test.Wait()
			for deadline := time.Now().Add(patience); ; {
				left := errors.Join(processes(pids), listens(address), mounted(image))
				if left == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal(left)
				}
				<-time.After(10 * time.Millisecond)
			}
		})
	}
}

// hang runs a broker on a disk, says what that is, and waits for its end.
func hang(t *testing.T) {
	disk := newDisk(t, 64)
	broker := launch(t, program(t), disk.dir)
	broker.connect("gateway")
	holder, _, _ := strings.Cut(strings.TrimPrefix(disk.dir, "/proc/"), "/")
	fmt.Printf("hanging %d %s %s %s\n", broker.command.Process.Pid, holder, strings.TrimPrefix(broker.url, "nats://"), disk.image)
	select {}
}

func processes(pids [2]int) error {
	for _, pid := range pids {
		status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
		// One that nobody has taken notice of yet is gone all the same.
		if err == nil && !strings.Contains(string(status), "State:\tZ") {
			return fmt.Errorf("process %d still runs", pid)
		}
	}
	return nil
}

func listens(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil
	}
	return errors.Join(fmt.Errorf("somebody still listens at %s", address), conn.Close())
}

// mounted looks for the loop device, which lives as long as the mount, in whatever namespace that is.
func mounted(image string) error {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, file := range files {
		if backing, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(backing), image) {
			return fmt.Errorf("%s is still mounted", image)
		}
	}
	return err
}
