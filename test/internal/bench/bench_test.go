package bench

import (
	"errors"
	"io"
	"testing"
)

func TestAFleetOfNoStoresIsRefusedInWords(t *testing.T) {
	for _, standing := range [][]int{nil, {0}, {100, -1}} {
		if err := Run(t.Context(), io.Discard, io.Discard, Options{Standing: standing}); !errors.Is(err, errStanding) {
			t.Errorf("%v: %v", standing, err)
		}
	}
}
