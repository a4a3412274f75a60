package trouble_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
)

const (
	lease = 7500 * time.Millisecond
	// many are enough for every choice to be made.
	many = 20_000
	// whileWhole is for a process to be started again, and for timers of a busy machine to go off.
	whileWhole = 2 * time.Second
)

// counted is how often each kind comes.
func counted(troubles []trouble.Trouble) map[trouble.Kind]int {
	counts := map[trouble.Kind]int{}
	for _, t := range troubles {
		counts[t.Kind]++
	}
	return counts
}

func drawn(count int) (all []trouble.Trouble) {
	for t := range trouble.Drawn(7, lease) {
		if all = append(all, t); len(all) == count {
			break
		}
	}
	return all
}

func TestEveryKindIsDrawnAndPlanned(t *testing.T) {
	draws, plan := counted(drawn(many)), counted(trouble.Planned(7, lease, time.Minute))
	for _, kind := range trouble.Kinds() {
		if draws[kind] == 0 || plan[kind] != 1 {
			t.Errorf("%s is drawn %d times in %d, and planned %d times", kind, draws[kind], many, plan[kind])
		}
		delete(draws, kind)
		delete(plan, kind)
	}
	if len(draws)+len(plan) > 0 {
		t.Errorf("drawn %v and planned %v are no kinds", slices.Collect(maps.Keys(draws)), slices.Collect(maps.Keys(plan)))
	}
}

func TestWhatIsFrozenSleepsForLongerThanItsLease(t *testing.T) {
	for _, tr := range append(drawn(many), trouble.Planned(7, lease, time.Minute)...) {
		if tr.Manner == trouble.Freeze && tr.Long <= lease {
			t.Errorf("%s sleeps for %s", tr.Kind, tr.Long)
		}
	}
}

func TestAPlanFitsItsTimeAndBreaksNothingTwice(t *testing.T) {
	for seed := range uint64(500) {
		plan := trouble.Planned(seed, lease, time.Minute)
		most, frozen := 0, 0
		for i, one := range plan {
			if one.At+one.Long > time.Minute {
				t.Errorf("seed %d: %s at %s lasts for %s", seed, one.Kind, one.At, one.Long)
			}
			together, asleep := 1, 0
			for _, before := range plan[:i] {
				if before.At > one.At {
					t.Fatalf("seed %d: %s comes after %s", seed, before.Kind, one.Kind)
				}
				whole := before.At + before.Long
				if before.Service == one.Service && before.Way == one.Way && before.Replica == one.Replica && one.At < whole+whileWhole {
					t.Errorf("seed %d: %s at %s, and until %s it was %s", seed, one.Kind, one.At, whole, before.Kind)
				}
				if whole <= one.At {
					continue
				}
				together++
				if before.Manner == trouble.Freeze {
					asleep++
				}
			}
			if one.Manner == trouble.Freeze {
				frozen = max(frozen, asleep+1)
			}
			most = max(most, together)
		}
		if most < 3 || frozen > trouble.MostFrozen {
			t.Errorf("seed %d: %d troubles at a time, %d frozen", seed, most, frozen)
		}
	}
}

func TestASeedRepeatsItsTrouble(t *testing.T) {
	if one, other := drawn(100), drawn(100); !slices.Equal(one, other) {
		t.Error("one seed draws this and that")
	}
	if one, other := trouble.Planned(7, lease, time.Minute), trouble.Planned(7, lease, time.Minute); !slices.Equal(one, other) {
		t.Error("one seed plans this and that")
	}
}
