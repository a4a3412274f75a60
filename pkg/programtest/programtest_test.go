package programtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/programtest"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

func TestAPathThatIsHandedOverIsTaken(t *testing.T) {
	t.Setenv("STORE_BROKER_PROGRAM", "/where/it/is")
	if path, err := programtest.Path(t.Context(), "store-broker"); err != nil || path != "/where/it/is" {
		t.Errorf("%q, %v", path, err)
	}
}

func TestAProgramThatNobodyBuiltIsBuilt(t *testing.T) {
	t.Setenv("STORE_BROKER_PROGRAM", "")
	path, err := programtest.Path(t.Context(), "store-broker")
	if err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(path, "--help").CombinedOutput(); err != nil || !strings.Contains(string(said), "nats-server") {
		t.Errorf("it says %q, %v", said, err)
	}
	if path, err := programtest.Path(t.Context(), "store-gate"); err == nil || !strings.Contains(err.Error(), "there is no program store-gate") {
		t.Errorf("an unknown one: %q, %v", path, err)
	}
}
