package query

import (
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// LogsRequest opens a session in which a provisioner reads what a store's containers write. Its answer has the session's
// name and first frame; the others are asked for one by one (LogsReadRequest), because a question has one answer. Nobody
// sends what nobody asks for, so whoever doesn't read has the kubelet wait, and nobody in between holds more than a frame.
type LogsRequest struct {
	Store store.ID `json:"store"`
	// Pod and Container are the only ones that are wanted; empty: all.
	Pod       string `json:"pod,omitempty"`
	Container string `json:"container,omitempty"`
	// Previous wants the run before the newest one of each container.
	Previous bool `json:"previous,omitempty"`
	// Since leaves out what is older, and Tail all but the last lines of each container.
	Since time.Time `json:"since,omitzero"`
	Tail  int       `json:"tail"`
	// Follow goes on with what is written from now on, also by later runs and pods.
	Follow bool `json:"follow,omitempty"`
	// Began is when the asker began, and Marks how far it is: it goes on where another provisioner ended. Containers that have
	// started since are wanted from their first line. Zero where it begins.
	Began time.Time `json:"began,omitzero"`
	Marks []LogMark `json:"marks,omitempty"`
}

// LogMark is how far somebody has read a container: up to so many of the lines of one time. A kubelet tells lines in their
// order, so nothing behind it is missed and nothing before it comes twice.
type LogMark struct {
	Pod       string    `json:"pod"`
	Container string    `json:"container"`
	At        time.Time `json:"at"`
	Lines     int       `json:"lines"`
}

// LogsReply opens the session, or says that what is wanted isn't there.
type LogsReply struct {
	// Unknown is the parameter (pod or container) that names nothing, Known what it could have named.
	Unknown string   `json:"unknown,omitempty"`
	Known   []string `json:"known,omitempty"`
	// Provisioner is who has the session, and Session the word by which it is read: who has it is told everything.
	Provisioner string    `json:"provisioner,omitempty"`
	Session     string    `json:"session,omitempty"`
	Frame       LogsFrame `json:"frame"`
}

// LogsReadRequest asks for the next frame. It waits a few seconds for something to be written. A session that nobody asks
// ends, and so does one whose last frame was lost on its way: its asker goes on in another, from its marks.
type LogsReadRequest struct {
	Session string `json:"session"`
}

// LogsFrame is a bounded piece.
type LogsFrame struct {
	// Lines are whole ones of JSON (LogLine).
	Lines []byte `json:"lines,omitempty"`
	// Marks are how far these lead, of the containers that they are of.
	Marks []LogMark `json:"marks,omitempty"`
	// Done: there is nothing behind this frame. End is a sentence that says why, where not all was told.
	Done bool   `json:"done,omitempty"`
	End  string `json:"end,omitempty"`
}

// LogLine is a line that a container has written.
type LogLine struct {
	At        time.Time `json:"at" doc:"When it was written, by its node's clock"`
	Pod       string    `json:"pod" doc:"The pod"`
	Container string    `json:"container" doc:"The container in it; init containers, too"`
	Line      string    `json:"line" doc:"What was written, without the end of the line"`
	Cut       bool      `json:"cut,omitempty" doc:"The line was longer than 64 KiB; this is its beginning"`
}
