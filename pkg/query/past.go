package query

import "time"

// At says of which moment of the past an answer is.
type At struct {
	Seq  uint64     `json:"seq" doc:"It is as this message of the log has left it, and all before" example:"51"`
	Time *time.Time `json:"time,omitempty" doc:"The time that was asked for, by the broker's clock, where one was"`
}

// PastRequest asks for stores as they were, newest first: those that are in the scope now, since a store's history goes with it, by
// what was true of them then.
type PastRequest struct {
	// Upto is the sequence of the last message that counts.
	Upto uint64 `json:"upto"`
	// Tenant is whose they were then, empty for anybody's. Of one that has been given away since, Wanted's scope says whether it is seen.
	Tenant string `json:"tenant,omitempty"`
	// Wanted is what would have been asked for then.
	Wanted StoresRequest `json:"wanted"`
}

// Of is that of StoresRequest.
func (r *PastRequest) Of(log string) { r.Wanted.Of(log) }

// PastReply is one page. It may hold fewer than its limit, or none, and not be the last, which has no Next.
type PastReply struct {
	Stores []Store `json:"stores"`
	Next   string  `json:"next,omitempty"`
	// Checkpoint is how far the projection was when it answered, which is no less than was asked for.
	Checkpoint uint64 `json:"checkpoint"`
}
