package directory

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"
)

// readTogether is how many are read of a list at once: one after the other, a list would take as many ways to the broker and back as it is long.
const readTogether = 16

// listed are the things behind keys, in their order, up to a limit, and whether there are more. Those that are gone since the keys were
// listed are left out.
func listed[T any](ctx context.Context, keys []string, limit int, read func(context.Context, string) (T, error)) (things []T, more bool, err error) {
	for chunk := range slices.Chunk(keys, min(limit, len(keys))+1) {
		found, there := make([]T, len(chunk)), make([]bool, len(chunk))
		reading, ctx := errgroup.WithContext(ctx)
		reading.SetLimit(readTogether)
		for i, key := range chunk {
			reading.Go(func() error {
				thing, err := read(ctx, key)
				if errors.Is(err, ErrUnknown) {
					return nil
				}
				found[i], there[i] = thing, err == nil
				return err
			})
		}
		if err := reading.Wait(); err != nil {
			return nil, false, err
		}
		for i, thing := range found {
			switch {
			case !there[i]:
			case len(things) == limit:
				return things, true, nil
			default:
				things = append(things, thing)
			}
		}
	}
	return things, false, nil
}

// behind are the keys behind one of them, which may be gone.
func behind(keys []string, after string) []string {
	from, found := slices.BinarySearch(keys, after)
	if found {
		from++
	}
	return keys[from:]
}
