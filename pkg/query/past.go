package query

import "time"

// At says of which moment of the past an answer is.
type At struct {
	Seq  uint64     `json:"seq" doc:"It is as this message of the log has left it, and all before" example:"51"`
	Time *time.Time `json:"time,omitempty" doc:"The time that was asked for, by the broker's clock, where one was"`
}
