package provision

import (
	"context"
	"errors"
	"testing"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
)

// asked is a shop's two answers, and whether the whole probe was asked.
type asked struct {
	Watch
	check, probe error
	probed       bool
}

func (a *asked) CheckOnce(context.Context, cluster.Target) (string, error) { return "", a.check }
func (a *asked) ProbeOnce(context.Context, cluster.Target) (string, error) {
	a.probed = true
	return "", a.probe
}

// The light question spares the shop its whole probe, and never outvotes it.
func TestTheLightQuestionIsEnoughWhereTheShopAnswersIt(t *testing.T) {
	var (
		silent = errors.New("connection refused")
		cause  = &engine.CauseError{Cause: engine.Cause{Reason: "DatabaseReadOnly"}}
		odd    = &engine.ProbeError{Message: "GET /check answered 404"}
		empty  = &engine.ProbeError{Message: "GET /products answered 404"}
	)
	for name, c := range map[string]struct {
		shop   asked
		whole  bool
		want   error
		probed bool
	}{
		"it sells":                        {asked{}, false, nil, false},
		"it sells, and shall prove it":    {asked{probe: empty}, true, empty, true},
		"it says why it doesn't":          {asked{check: cause}, false, cause, false},
		"it says why, and was asked more": {asked{check: cause}, true, cause, false},
		"nobody answers":                  {asked{check: silent}, false, silent, false},
		"an image without the question":   {asked{check: odd}, false, nil, true},
		"something that is no shop":       {asked{check: odd, probe: empty}, false, empty, true},
	} {
		sight := Sight{plan: &plan{target: cluster.Target{Check: &engine.Check{}}}, watch: &c.shop}
		if err := sight.Answers(t.Context(), c.whole); !errors.Is(err, c.want) || c.shop.probed != c.probed {
			t.Errorf("%s: %v, the whole probe asked: %t", name, err, c.shop.probed)
		}
	}
}
