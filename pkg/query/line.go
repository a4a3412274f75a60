package query

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// LineRequest asks where the operations in flight of up to 200 stores stand: what a gateway shows beside them.
type LineRequest struct {
	// Scope is whose; of others' stores nothing is said.
	Scope Scope `json:"-"`
	// Log is that of StoresRequest.
	Log    string     `json:"log,omitempty"`
	Stores []store.ID `json:"stores"`
}

// LineReply has those of which something is known.
type LineReply struct {
	Lines map[store.ID]Placed `json:"lines"`
}

// Placed is where the operation of one command stands, which the generation names: so that nobody shows it beside another.
type Placed struct {
	Generation uint64 `json:"generation"`
	Line
}

// Line is where an operation in flight stands. A place is told by the order in which workers take what waits as it was when the place was
// least: it counts down, and who comes later and has a right to be begun before doesn't raise it again.
type Line struct {
	Place int    `json:"place,omitempty" doc:"How many are begun up to this one, itself included, as it was when that was least: it never rises. Absent once it was begun, and while it waits for something else than its turn"`
	Of    int    `json:"of,omitempty" doc:"How many wait for their turn"`
	Why   string `json:"why" doc:"What it waits for, or that it is worked on, in a sentence"`
	ETA   *ETA   `json:"eta,omitempty" doc:"When it is likely over, by what such operations have taken here before; absent while nobody knows, as of one that has just come"`
}

// ETA is in how many seconds from now an operation is over.
type ETA struct {
	P50 float64 `json:"p50" doc:"Seconds until then in one of two cases"`
	P95 float64 `json:"p95" doc:"Seconds until then in nineteen of twenty cases"`
}

// NewETA tells both as clients read them.
func NewETA(half, nearlyAll time.Duration) *ETA {
	tenths := func(d time.Duration) float64 { return d.Round(100 * time.Millisecond).Seconds() }
	return &ETA{P50: tenths(half), P95: tenths(max(half, nearlyAll))}
}

type lineRequestFields LineRequest

// MarshalJSON writes the request with its scope. No release before scopes is asked it.
func (r LineRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		told
		lineRequestFields
	}{tell(r.Scope), lineRequestFields(r)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *LineRequest) UnmarshalJSON(data []byte) error {
	var wire struct {
		told
		lineRequestFields
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return fmt.Errorf("read a question for places in the line: %w", err)
	}
	*r = LineRequest(wire.lineRequestFields)
	r.Scope = wire.understood()
	return nil
}

// Of says which log is asked about.
func (r *LineRequest) Of(log string) { r.Log = log }
