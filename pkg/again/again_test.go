package again_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
)

var errDown = errors.New("it is down")

func TestAnOutageIsToldOnceAndWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, tries := 0, 0
		pauses := again.Pauses{First: time.Second, Longest: 4 * time.Second, Tell: func(error) { told++ }}
		began := time.Now()
		value, err := again.Until(t.Context(), pauses, func() (int, error) {
			if tries++; tries < 6 {
				return 0, errDown
			}
			return 7, nil
		})
		// About 1, 2, 4, 4 and 4 seconds, each half more or less.
		if took := time.Since(began); took < 7500*time.Millisecond || took > 22500*time.Millisecond {
			t.Errorf("five pauses took %s", took)
		}
		if value != 7 || err != nil || told != 1 {
			t.Errorf("it gave %d, %v, and was told %d times", value, err, told)
		}
	})
}

// What can't be had fails by a time-out, and a time-out may be longer than any pause.
func TestATryThatFailsSlowlyHasNotWorked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		told, tries := 0, 0
		var failed, longest = time.Now(), time.Duration(0)
		pauses := again.Pauses{First: time.Second, Longest: 4 * time.Second, Tell: func(error) { told++ }}
		err := again.Always(ctx, pauses, func(func()) error {
			longest = max(longest, time.Since(failed))
			if tries++; tries == 20 {
				end()
			}
			<-time.After(time.Minute)
			failed = time.Now()
			return errDown
		})
		// The first pause is a second and a half at most, and the longest two at least.
		if err != nil || told != 1 || longest < 2*time.Second {
			t.Errorf("it ended with %v, was told %d times, and paused for %s at most", err, told, longest)
		}
	})
}

// What has worked for a while and fails again is another outage.
func TestAnotherOutageIsNewsAndBeginsWithTheFirstPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		told, tries := 0, 0
		var failed time.Time
		pauses := again.Pauses{First: time.Second, Longest: time.Minute, Tell: func(error) { told++ }}
		err := again.Always(ctx, pauses, func(works func()) error {
			switch tries++; tries {
			case 7:
				works()
				<-time.After(time.Hour)
				failed = time.Now()
			case 8:
				if pause := time.Since(failed); pause > 2*time.Second {
					t.Errorf("behind an hour of work it waits for %s", pause)
				}
				end()
			}
			return errDown
		})
		if err != nil || told != 2 {
			t.Errorf("it ended with %v, and was told %d times", err, told)
		}
	})
}

func TestNobodyTriesAgainWhatNoTryMends(t *testing.T) {
	tries := 0
	err := again.Always(t.Context(), again.Pauses{First: time.Hour, Longest: time.Hour}, func(func()) error {
		tries++
		return again.Never(errDown)
	})
	if tries != 1 || err != errDown {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

func TestWhoStopsIsToldWhatWasMet(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	end()
	_, err := again.Until(ctx, again.Pauses{First: time.Hour, Longest: time.Hour}, func() (int, error) { return 0, errDown })
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errDown) {
		t.Errorf("told %v", err)
	}
}

func TestWhatIsNeverHadIsToldOnceAlsoAtTheEnd(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	_, err := again.Until(ctx, again.Pauses{First: time.Hour, Longest: time.Hour}, func() (int, error) {
		end()
		return 0, again.Never(errDown)
	})
	if err != errDown {
		t.Errorf("told %v", err)
	}
}

func TestAPauseThatIsCountedElsewhereDoublesUpToTheLongest(t *testing.T) {
	for times, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: 2 * time.Second, 2: 4 * time.Second, 3: 5 * time.Second, 1 << 40: 5 * time.Second,
	} {
		if got := again.Doubled(time.Second, 5*time.Second, times); got != want {
			t.Errorf("doubled %d times it is %s, want %s", times, got, want)
		}
	}
}
