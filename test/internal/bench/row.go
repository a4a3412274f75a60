package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
)

// bench is one row under way. It is a testing.TB, so that it can use the harness that the tests of a running platform
// use; Fatal ends the row, and only the row. The methods of TB that aren't here would panic: nothing calls them.
type bench struct {
	testing.TB
	*lab
	name  string
	ctx   context.Context
	lines []line

	mu       sync.Mutex
	err      error
	cleanups []func()
}

// measure runs a row in a goroutine of its own, which Fatal ends.
func (l *lab) measure(ctx context.Context, r row) *bench {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &bench{lab: l, name: r.name, ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer b.cleanUp()
		defer func() {
			if p := recover(); p != nil {
				b.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		r.run(b)
	}()
	<-done
	return b
}

// cleanUp undoes what the row did, newest first.
func (b *bench) cleanUp() {
	for _, f := range slices.Backward(b.cleanups) {
		f()
	}
	b.cleanups = nil
}

func (b *bench) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// report adds a line to the table.
func (b *bench) report(l line) { b.lines = append(b.lines, l) }

// Helper is part of testing.TB.
func (b *bench) Helper() {}

// Context ends with the row.
func (b *bench) Context() context.Context { return b.ctx }

// Cleanup calls f at the end of the row.
func (b *bench) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }

// Errorf fails the row, which goes on.
func (b *bench) Errorf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.Join(b.err, fmt.Errorf(format, args...))
}

// Fatalf fails the row and ends it; only for its own goroutine.
func (b *bench) Fatalf(format string, args ...any) {
	b.Errorf(format, args...)
	runtime.Goexit()
}

// Fatal is Fatalf without a format.
func (b *bench) Fatal(args ...any) { b.Fatalf("%s", fmt.Sprint(args...)) }

// Logf tells what is being done.
func (b *bench) Logf(format string, args ...any) {
	fmt.Fprintf(b.out, "%-11s %s\n", b.name, fmt.Sprintf(format, args...))
}

// must ends the row on an error.
func (b *bench) must(doing string, err error) {
	if err != nil {
		b.Fatalf("%s: %w", doing, err)
	}
}
