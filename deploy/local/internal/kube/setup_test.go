package kube

import (
	"os"
	"testing"

	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	Main()
	os.Exit(m.Run())
}
