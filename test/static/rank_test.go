package static

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
)

// What a release publishes of engines stands by its rank, so no two releases have the same. Each that was tagged has left
// its records in test/upgrade.
func TestTheRankIsRaisedWithEachTag(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root(t), "test/upgrade/testdata"))
	if err != nil {
		t.Fatal(err)
	}
	tagged := 0
	for _, entry := range entries {
		if regexp.MustCompile(`^v\d+\.\d+\.\d+$`).MatchString(entry.Name()) {
			tagged++
		}
	}
	if want := tagged + 1; engine.Rank != want {
		t.Errorf("the rank is %d, and %d releases were tagged: it should be %d", engine.Rank, tagged, want)
	}
}
