package work

import (
	"errors"
	"fmt"
)

// Causes with which an operation is cancelled.
var (
	// ErrSuperseded: a newer command came.
	ErrSuperseded = errors.New("a newer command has come")
	// ErrYielded: the worker shuts down and leaves the work to another.
	ErrYielded = errors.New("the worker is shutting down")
)

// Permanent is returned by a step that no further attempt would help. The store becomes Failed.
type Permanent struct {
	// Reason is CamelCase, Message a sentence that a merchant understands, Err the cluster's own words.
	Reason, Message string
	Err             error
}

func (e *Permanent) Error() string { return describe(e.Reason, e.Message, e.Err) }
func (e *Permanent) Unwrap() error { return e.Err }

// Transient is returned by a step that may succeed later. Any error of another type is taken for one.
type Transient struct {
	Reason, Message string
	Err             error
}

func (e *Transient) Error() string { return describe(e.Reason, e.Message, e.Err) }
func (e *Transient) Unwrap() error { return e.Err }

// Waiting is returned by Hand.Available while nothing can be attempted. It costs no attempt.
type Waiting struct {
	// Step names what is waited for, where that is a piece of work whose Message changes as it goes on. Each change is
	// told; without a step, a reason is told once.
	Step            string
	Reason, Message string
	Err             error
	// Until is closed when that is over, or may be. Nil where nobody here hears of it: then the command looks again ever
	// more seldom, and at the latest when this process ends.
	Until <-chan struct{}
}

func (e *Waiting) Error() string { return describe(e.Reason, e.Message, e.Err) }
func (e *Waiting) Unwrap() error { return e.Err }

func describe(reason, message string, err error) string {
	if err == nil {
		return fmt.Sprintf("%s: %s", reason, message)
	}
	return fmt.Sprintf("%s: %s: %v", reason, message, err)
}
