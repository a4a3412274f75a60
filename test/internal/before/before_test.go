package before_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/before"
	"github.com/store-platform/store-platform/test/internal/repo"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

func TestTheReleaseBeforeIsBuilt(t *testing.T) {
	clone, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := before.Paths(t.Context(), clone)
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range before.Programs {
		if said, err := exec.Command(paths[program], "--help").CombinedOutput(); err != nil {
			t.Errorf("%s says %q, %v", program, said, err)
		}
	}
}
