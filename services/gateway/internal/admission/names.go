package admission

import (
	"hash/fnv"

	"github.com/store-platform/store-platform/pkg/store"
)

var (
	adjectives = []string{
		"Amber", "Bright", "Calm", "Clever", "Copper", "Cosy", "Crisp", "Early", "Fair", "Fresh", "Gentle", "Golden",
		"Grand", "Green", "Happy", "Honest", "Kind", "Lively", "Lucky", "Mellow", "Merry", "Misty", "Noble", "Olive",
		"Polar", "Proud", "Quiet", "Rosy", "Ruby", "Silver", "Spry", "Sunny", "Swift", "Tidy", "Velvet", "Warm",
	}
	places = []string{
		"Anchor", "Bakery", "Basket", "Bazaar", "Bay", "Corner", "Cottage", "Counter", "Crate", "Dock", "Emporium", "Forge",
		"Garden", "Goods", "Grove", "Harbour", "Hearth", "House", "Lane", "Lantern", "Loft", "Market", "Meadow", "Mill",
		"Nook", "Orchard", "Parlour", "Pier", "Quarter", "Shelf", "Stall", "Studio", "Terrace", "Trove", "Wharf", "Yard",
	}
)

// MadeUpName names a store whose merchant didn't. It depends on the id alone, so that a repeated create, or two that
// race with one Idempotency-Key, make up the same one.
func MadeUpName(id store.ID) string {
	h := fnv.New64a()
	h.Write([]byte(id))
	n := h.Sum64()
	return adjectives[n%uint64(len(adjectives))] + " " + places[(n>>32)%uint64(len(places))]
}
