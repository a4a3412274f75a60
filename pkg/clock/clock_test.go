package clock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/clock"
)

func TestOnlyATestsClockIsDivided(t *testing.T) {
	for _, c := range []struct {
		divisor      clock.Divisor
		installation string
		refused      bool
	}{
		{0, "prod", false}, {1, "prod", false}, {1, "", false},
		{2, "prod", true}, {2, "", true}, {2, "contest", true}, {2, "Test", true},
		{2, "test", false}, {10, "test-a1", false}, {11, "test-a1", true}, {-1, "test-a1", true},
	} {
		err := c.divisor.Check(c.installation)
		if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), clock.Variable) {
			t.Errorf("%d in installation %q: %v", c.divisor, c.installation, err)
		}
	}
}

func TestADividedWait(t *testing.T) {
	for divisor, want := range map[clock.Divisor]time.Duration{0: 30 * time.Second, 1: 30 * time.Second, 4: 7500 * time.Millisecond} {
		if got := divisor.Of(30 * time.Second); got != want {
			t.Errorf("divided by %d: %s, want %s", divisor, got, want)
		}
	}
}
