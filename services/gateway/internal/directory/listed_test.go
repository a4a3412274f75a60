package directory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// What is listed is in the order of its keys and ends at the limit, whatever is gone, and several ways to the broker are gone at once.
func TestAListIsReadTogether(t *testing.T) {
	var keys []string
	for n := range 5 * readTogether {
		keys = append(keys, fmt.Sprintf("%03d", n))
	}
	gone := func(key string) bool { return key[2] == '3' }
	var together sync.WaitGroup
	together.Add(readTogether)
	read := func(_ context.Context, key string) (string, error) {
		if key < keys[readTogether] {
			together.Done()
			together.Wait() // for ever, if one were read after the other
		}
		if gone(key) {
			return "", ErrUnknown
		}
		return key, nil
	}
	there := slices.DeleteFunc(slices.Clone(keys), gone)
	page, more, err := listed(t.Context(), keys, readTogether, read)
	if err != nil || !more || !slices.Equal(page, there[:readTogether]) {
		t.Errorf("the first page is %v, more %t, %v", page, more, err)
	}
	page, more, err = listed(t.Context(), behind(keys, page[len(page)-1]), len(keys), read)
	if err != nil || more || !slices.Equal(page, there[readTogether:]) {
		t.Errorf("the rest is %v, more %t, %v", page, more, err)
	}
	if page, _, err := listed(t.Context(), behind(keys, "0525"), 1, read); err != nil || !slices.Equal(page, []string{"054"}) {
		t.Errorf("behind a key that is gone: %v, %v", page, err)
	}
}
