package keep

import (
	"maps"
	"time"

	"github.com/store-platform/store-platform/pkg/lease"
)

// roster tells the members that live from those that have died and whose leases haven't run out yet. It is what one keeper
// has seen, by its own clock.
type roster map[string]seen

// seen is of one member: the newest revision of its lease, since when, and whether it had another before.
type seen struct {
	revision uint64
	since    time.Time
	renewed  bool
}

// living are those that have renewed their leases within the time. Who has just come counts from the first renewal on: a
// program that ends again and again soon after its start would have others give up parts that nobody takes.
func (r roster) living(now time.Time, members []lease.Holding, within time.Duration) (living []lease.Holding) {
	there := make(map[string]bool, len(members))
	for _, m := range members {
		there[m.Key] = true
		last, known := r[m.Key]
		if !known || last.revision != m.Revision {
			last = seen{revision: m.Revision, since: now, renewed: known}
			r[m.Key] = last
		}
		if last.renewed && now.Sub(last.since) < within {
			living = append(living, m)
		}
	}
	maps.DeleteFunc(r, func(key string, _ seen) bool { return !there[key] })
	return living
}
