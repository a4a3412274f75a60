package store_test

import (
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestNoPauseIsLongerThanTheLongest(t *testing.T) {
	for name, c := range map[string]struct{ due, want time.Duration }{
		"over":                       {-time.Minute, 0},
		"now":                        {0, 0},
		"soon":                       {time.Minute, time.Minute},
		"the longest":                {store.LongestPause, store.LongestPause},
		"by a clock that was ahead":  {2 * time.Hour, 0},
		"by a clock just that ahead": {store.LongestPause + 1, 0},
	} {
		at := start.Add(c.due)
		if got := (store.Operation{NotBefore: &at}).Pause(start); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := (store.State{}).Pause(start); got != 0 {
		t.Errorf("without any: %s", got)
	}
}
