// Package feed is what travels on the live feed, between the gateway, the events service and clients: the ticket with which
// the gateway lets one in, the cursor by which one goes on, and the messages.
package feed

import (
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
)

// Ticket is what a feed ticket in bucket "tickets" stands for.
type Ticket struct {
	// Scope is whose events may be seen.
	Scope query.Scope
}

// MarshalJSON writes a ticket as its scope: tickets said from the start whose events, and an empty one nobody's.
func (t Ticket) MarshalJSON() ([]byte, error) { return t.Scope.MarshalJSON() }

// UnmarshalJSON reads a ticket of a gateway of any release.
func (t *Ticket) UnmarshalJSON(data []byte) error { return t.Scope.UnmarshalJSON(data) }

// TicketHeader carries the ticket from the gateway to the events service.
const TicketHeader = "X-Feed-Ticket"

// Type says what a message is.
type Type string

// A client gets Hello first, then Events; Platform whenever the cluster's state changes; Reset when its cursor can't be
// continued from and it must list its stores anew.
const (
	Hello    Type = "hello"
	Event    Type = "event"
	Platform Type = "platform"
	Reset    Type = "reset"
)

// Codes of the problems (RFC 9457) with which the events service turns a client away for want of room.
const (
	// CodeFull: the replica serves as many as it may.
	CodeFull = "feed_full"
	// CodeTooMany: the tenant has as many connections as one may have.
	CodeTooMany = "too_many_feeds"
)

// CloseSlow is the WebSocket close code for a client that doesn't keep up; it resumes with ?since=.
const CloseSlow = 4008

// CloseRevoked is the one for a client that may not listen any more: its session, its token or its membership has ended, or it may see
// others' stores than it is told of. Connecting again the same way is refused, or shows something else.
const CloseRevoked = 4001

// Message is one WebSocket text message.
type Message struct {
	Type Type `json:"type"`
	// Cursor continues behind this message; on Hello and Event.
	Cursor string       `json:"cursor,omitempty"`
	Event  *query.Event `json:"event,omitempty"`
	// Store is the store after the event.
	Store    *query.Store      `json:"store,omitempty"`
	Platform *platform.Cluster `json:"platform,omitempty"`
	// Reason of a Reset: "epoch" or "behind".
	Reason string `json:"reason,omitempty"`
}
