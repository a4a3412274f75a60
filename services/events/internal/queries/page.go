package queries

import (
	"encoding/json"
	"fmt"
	"slices"
)

// envelope is more than an answer holds beside its items, in bytes.
const envelope = 1 << 10

// page is as many of the items as one answer carries, and where the next page begins: behind the last of them, by its cursor,
// unless nothing is left there. more says that there are others than the items.
func page[T, C any](s *Service, items []T, more bool, cursor func(last int) C) (carried []T, next C, err error) {
	if carried, err = carriedBy(s, items); err != nil {
		return nil, next, err
	}
	if more || len(carried) < len(items) {
		next = cursor(len(carried) - 1)
	}
	return carried, next, nil
}

// newest is as many of the items as one answer carries, from the last.
func newest[T any](s *Service, items []T) ([]T, error) {
	slices.Reverse(items)
	carried, err := carriedBy(s, items)
	slices.Reverse(carried)
	return carried, err
}

// carriedBy are as many of the items, from the first, as the broker carries in one answer: at least one, or a list would end
// before it. An item with all its texts is far smaller than an answer may be (store.MaxText).
func carriedBy[T any](s *Service, items []T) ([]T, error) {
	room := int(s.nc.MaxPayload()) - envelope
	for i, item := range items {
		data, err := json.Marshal(item)
		if err != nil {
			return nil, fmt.Errorf("encode item %d of a page: %w", i, err)
		}
		// With its comma.
		if room -= len(data) + 1; room < 0 && i > 0 {
			return items[:i], nil
		}
	}
	return items, nil
}
