package engine_test

import (
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/reason"
)

func TestAReasonIsWhoseItsTableOrItsPackSays(t *testing.T) {
	pack := engine.Pack{
		Failures: []engine.Failure{{Reason: "SeedRefused"}},
		Check:    &engine.Check{Causes: []engine.Cause{{Reason: "OrderBookFull"}}},
	}
	for _, c := range []struct {
		pack engine.Pack
		name string
		want reason.Whom
	}{
		{pack, "OutOfMemory", reason.Merchant},
		{pack, "Unschedulable", reason.Operator},
		{pack, "Interrupted", reason.Nobody},
		{pack, "SeedRefused", reason.Merchant},
		{pack, "OrderBookFull", reason.Merchant},
		{pack, "AWordOfTheKubelets", reason.Operator},
		{engine.Pack{}, "OrderBookFull", reason.Operator},
	} {
		if got := c.pack.Whose(c.name); got != c.want {
			t.Errorf("%s is for %q, want %q", c.name, got, c.want)
		}
	}
}
