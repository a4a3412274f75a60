package waittest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/pkg/waittest"
)

// wait is how long Until waits for something that is so after a while, and says meanwhile what it is told to say.
func wait(t *testing.T, so time.Duration, say func(after time.Duration) error) (took time.Duration, err error) {
	began := time.Now()
	err = waittest.Until(t.Context(), func() error {
		if after := time.Since(began); after < so {
			return say(after)
		}
		return nil
	})
	return time.Since(began), err
}

const never = 24 * time.Hour

func TestWhatMovesIsWaitedForHoweverLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 3 * time.Hour
		_, err := wait(t, long, func(after time.Duration) error {
			return fmt.Errorf("%d are open", int(after/(waittest.Patience()-time.Second)))
		})
		if err != nil {
			t.Errorf("given up: %v", err)
		}
	})
}

func TestWhatStandsIsGivenUpAfterPatience(t *testing.T) {
	connection := func(port int) error {
		return &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: port}, Addr: &net.TCPAddr{Port: 1}, Err: errors.New("reset")}
	}
	for name, say := range map[string]func(after time.Duration) error{
		"says the same":            func(time.Duration) error { return errors.New("closed") },
		"says two things by turns": func(after time.Duration) error { return fmt.Errorf("way %d", after/time.Second%2) },
		"comes from other ports":   func(after time.Duration) error { return fmt.Errorf("ask: %w", connection(int(after/time.Millisecond))) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, err := wait(t, never, say)
				if err == nil || took < waittest.Patience() || took > waittest.Patience()+2*time.Second {
					t.Errorf("given up after %s, want %s: %v", took, waittest.Patience(), err)
				}
				if last := say(took); err != nil && !strings.Contains(err.Error(), strings.Fields(last.Error())[0]) {
					t.Errorf("%q doesn't say what was seen last, %q", err, last)
				}
			})
		})
	}
}

func TestWhoHasSaidWhenItGoesOnIsLeftAloneUntilThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pause = time.Hour
		began := time.Now()
		took, err := wait(t, never, func(time.Duration) error {
			return fmt.Errorf("store: %w", waittest.NotBefore(began.Add(pause), errors.New("waits for its next attempt")))
		})
		if err == nil || took < pause+waittest.Patience() || took > pause+waittest.Patience()+time.Second {
			t.Errorf("given up after %s: %v", took, err)
		}
	})
}

func TestTheEndOfAContextEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		seen := errors.New("seen last")
		err := waittest.Until(ctx, func() error { return seen })
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, seen) {
			t.Errorf("the end says %v", err)
		}
	})
}

func TestASlowMachineIsGivenMoreTime(t *testing.T) {
	before := waittest.Patience()
	t.Setenv(waittest.FactorEnv, "2.5")
	if got, want := waittest.Patience(), before*5/2; got != want {
		t.Errorf("patience is %s, want %s", got, want)
	}
	for _, text := range []string{"0", "-1", "long"} {
		t.Run(text, func(t *testing.T) {
			t.Setenv(waittest.FactorEnv, text)
			defer func() {
				if recover() == nil {
					t.Error("it was taken for a factor")
				}
			}()
			waittest.Patience()
		})
	}
}
