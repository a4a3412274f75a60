package api

import "time"

// Types of messages on the feed.
const (
	Hello     = "hello"
	Happened  = "event"
	Left      = "left"
	OnCluster = "platform"
	Reset     = "reset"
)

// Message is one text message of GET /feed.
type Message struct {
	Type string `json:"type"`
	// Cursor continues behind this message.
	Cursor string `json:"cursor,omitempty"`
	Event  *Event `json:"event,omitempty"`
	// Store is the store after the event.
	Store *Store `json:"store,omitempty"`
	// Left is the id of a store that has become another tenant's.
	Left     string   `json:"left,omitempty"`
	Platform *Cluster `json:"platform,omitempty"`
	// Reason is a reset's.
	Reason string `json:"reason,omitempty"`
}

// Cluster is where stores are made.
type Cluster struct {
	Ready   bool      `json:"ready"`
	Part    string    `json:"part,omitempty"`
	Message string    `json:"message,omitempty"`
	Done    int       `json:"done,omitempty"`
	Total   int       `json:"total,omitempty"`
	Since   time.Time `json:"since"`
}
