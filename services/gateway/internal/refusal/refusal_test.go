package refusal

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/meter"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func TestWhatOfAChangeStandsIsSaidInWords(t *testing.T) {
	for want, cause := range map[problem.Code]error{
		problem.Changed:         &admission.ChangedError{},
		problem.TooManyCommands: &meter.Refusal{},
		problem.LogFull:         storelog.ErrLogFull,
	} {
		p := Of(fmt.Errorf("change: %w", &admission.PartlyError{Said: []store.Type{store.Renamed, store.LifetimeChanged}, Err: cause}))
		if p.Code != want || !strings.HasSuffix(p.Detail, " the new name, the new lifetime.") || strings.Contains(p.Detail, "Nothing was changed") {
			t.Errorf("%s: %s", p.Code, p.Detail)
		}
	}
	if p := Of(&meter.Refusal{}); !strings.HasSuffix(p.Detail, ". Nothing was changed.") {
		t.Errorf("of what came to nothing is said %q", p.Detail)
	}
}

func TestAFullAuditIsNotTakenForAFullLog(t *testing.T) {
	p := Of(fmt.Errorf("append: %w", storelog.ErrAuditFull))
	if p.Code != problem.AuditFull || p.Status != http.StatusServiceUnavailable || !strings.Contains(p.Detail, "audit") || strings.Contains(p.Detail, "log") {
		t.Errorf("%d %s: %s", p.Status, p.Code, p.Detail)
	}
}
