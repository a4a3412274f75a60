package keep

import (
	"testing"
	"time"
)

// Should all stores be refreshed or mended at once, they are so one after the other.
func TestStoresAreAskedForOneAfterTheOther(t *testing.T) {
	var all term
	now := time.Now()
	if !all.mendTurn(now) {
		t.Fatal("the first has to wait")
	}
	for _, soon := range []time.Duration{0, mendGap / 2, mendGap - 1} {
		if all.mendTurn(now.Add(soon)) {
			t.Errorf("another's turn came after %s", soon)
		}
	}
	if !all.mendTurn(now.Add(mendGap)) {
		t.Error("another's turn doesn't come")
	}
}
