// Package record is what clients of a chaos run write down, a line of JSON each as it happens: whatever they were told,
// and nothing else. The checker reads it, so that what clients believe is held against what is.
package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// Request is one request to a gateway and its answer.
type Request struct {
	// Asked is when it was sent, Time when it was answered.
	Asked  time.Time `json:"asked"`
	Time   time.Time `json:"time"`
	Client string    `json:"client"`
	Tenant string    `json:"tenant"`
	// Verb is a store's, "cancel", "change" or "get".
	Verb string `json:"verb"`
	// Wish is what a change wanted of the store: its body.
	Wish map[string]any `json:"wish,omitempty"`
	// Key is the Idempotency-Key of a create.
	Key string `json:"key,omitempty"`
	// HTTP is the status of the answer, 0 when there was none; Code the problem's.
	HTTP int    `json:"http"`
	Code string `json:"code,omitempty"`
	// Store is what was asked about, or what a create was told.
	Store      store.ID     `json:"store,omitempty"`
	Generation uint64       `json:"generation,omitempty"`
	Version    uint64       `json:"version,omitempty"`
	Status     store.Status `json:"status,omitempty"`
	// Name, ExpiresAt and ETag are the store's as it was shown.
	Name      string     `json:"name,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	ETag      uint64     `json:"etag,omitempty"`
	Error     string     `json:"error,omitempty"`
}

// FeedKind says what a line of a feed client is.
type FeedKind string

// A client is greeted, told events, told to begin anew; cut off; and in the end it leaves, when it has read what there
// is.
const (
	Hello FeedKind = "hello"
	Event FeedKind = "event"
	Reset FeedKind = "reset"
	Cut   FeedKind = "cut"
	Left  FeedKind = "left"
)

// Feed is one line of a feed client.
type Feed struct {
	Time   time.Time `json:"time"`
	Client string    `json:"client"`
	Tenant string    `json:"tenant"`
	Kind   FeedKind  `json:"kind"`
	// Since is what the client came back with, on Hello.
	Since string `json:"since,omitempty"`
	// Cursor is the message's.
	Cursor     string     `json:"cursor,omitempty"`
	Seq        uint64     `json:"seq,omitempty"`
	Type       store.Type `json:"type,omitempty"`
	Store      store.ID   `json:"store,omitempty"`
	Generation uint64     `json:"generation,omitempty"`
	Error      string     `json:"error,omitempty"`
}

// Space is a namespace of a store that came or went, as an onlooker of the cluster saw it.
type Space struct {
	Time time.Time `json:"time"`
	// Kind is ADDED or DELETED.
	Kind string `json:"kind"`
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Secret is one with a store's passwords that came, went or was changed, as the onlooker saw it.
type Secret struct {
	Time time.Time `json:"time"`
	// Kind is ADDED, MODIFIED or DELETED.
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	// Digest is of the passwords.
	Digest string `json:"digest"`
}

// The files of a run.
const (
	RequestsGlob = "requests-*.jsonl"
	FeedsGlob    = "feed-*.jsonl"
	SpacesFile   = "namespaces.jsonl"
	SecretsFile  = "secrets.jsonl"
)

// Writer appends lines to one file. Safe for concurrent use.
type Writer struct {
	mu   sync.Mutex
	file *os.File
	err  error
}

// Create makes a file of records.
func Create(path string) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a file of records: %w", err)
	}
	return &Writer{file: file}, nil
}

// Write appends a line. Its error is kept for Close: a run without its records is worth nothing, but ends properly.
func (w *Writer) Write(line any) {
	data, err := json.Marshal(line)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		_, err = w.file.Write(append(data, '\n'))
	}
	w.err = errors.Join(w.err, err)
}

// Close says whether everything was written.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.err, w.file.Close())
}

// Read reads every line of the files that match.
func Read[T any](folder, glob string) ([]T, error) {
	names, err := filepath.Glob(filepath.Join(folder, glob))
	if err != nil {
		return nil, fmt.Errorf("find the records: %w", err)
	}
	var all []T
	for _, name := range names {
		lines, err := readFile[T](name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		all = append(all, lines...)
	}
	return all, nil
}

func readFile[T any](name string) ([]T, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []T
	decoder := json.NewDecoder(bufio.NewReader(file))
	for {
		var line T
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, line)
	}
}
