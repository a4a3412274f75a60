package query

import "time"

// MonthForm is how a month is written, for package time. Months are UTC's.
const MonthForm = "2006-01"

// UsageMonths is how many a question may be about.
const UsageMonths = 36

// UsageRequest asks what stores have taken of the platform, month by month. No release before scopes is asked it.
type UsageRequest struct {
	// Scope is whose.
	Scope Scope `json:"scope"`
	// Log is that of StoresRequest.
	Log string `json:"log,omitempty"`
	// From and To are months, both inclusive, UsageMonths at most.
	From string `json:"from"`
	To   string `json:"to"`
	// Until is up to when what goes on is counted.
	Until time.Time `json:"until"`
	// After is the Next of the page before; Limit is 1 to 200.
	After string `json:"after,omitempty"`
	Limit int    `json:"limit"`
	Seen  uint64 `json:"seen,omitempty"`
}

// Of is that of StoresRequest.
func (r *UsageRequest) Of(log string) { r.Log = log }

// Usage is what a tenant's stores of one version and plan took in one month. Times are whole microseconds, which add up the same in
// whatever order.
type Usage struct {
	Tenant  string `json:"tenant"`
	Month   string `json:"month"`
	Engine  string `json:"engine"`
	Version string `json:"version"`
	Plan    string `json:"plan"`
	// Stores are how many there were, however long each.
	Stores int64 `json:"stores"`
	// Ran is how long they stood and weren't suspended, Kept how long there was data of theirs, all together.
	Ran  int64 `json:"ran"`
	Kept int64 `json:"kept"`
}

// UsageReply is one page, by month, tenant, engine, version and plan; Next is empty at the end.
type UsageReply struct {
	Usage      []Usage `json:"usage"`
	Next       string  `json:"next,omitempty"`
	Checkpoint uint64  `json:"checkpoint"`
}
