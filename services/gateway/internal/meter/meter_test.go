package meter

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// clock is moved by the test.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func TestATenantPaysForItselfAlone(t *testing.T) {
	at := &clock{time.Unix(1000, 0)}
	m := New(3, 0.5, at.now)
	for n := range 3 {
		if err := m.Take("a", 1); err != nil {
			t.Fatalf("take %d: %v", n, err)
		}
	}
	// Asking costs nothing, or who asks too often would never be let in again.
	for range 10 {
		var refused *EmptyError
		if err := m.Take("a", 1); !errors.As(err, &refused) || refused.After != 2*time.Second {
			t.Fatalf("got %v, want a refusal for two seconds", err)
		}
	}
	if err := m.Take("b", 1); err != nil {
		t.Errorf("another tenant is refused: %v", err)
	}
	at.Time = at.Add(2 * time.Second)
	if err := m.Take("a", 1); err != nil {
		t.Errorf("after the time that it was told: %v", err)
	}
	if err := m.Take("a", 1); err == nil {
		t.Error("a second token has come of one")
	}
}

func TestSeveralMessagesArePaidForAtOnceOrNotAtAll(t *testing.T) {
	at := &clock{time.Unix(1000, 0)}
	m := New(3, 0.5, at.now)
	if err := m.Take("a", 2); err != nil {
		t.Fatal(err)
	}
	var refused *EmptyError
	if err := m.Take("a", 2); !errors.As(err, &refused) || refused.After != 2*time.Second {
		t.Errorf("one token is left of two: %v", err)
	}
	if err := m.Take("a", 1); err != nil {
		t.Errorf("it was taken all the same: %v", err)
	}
	if err := m.Take("b", 5); err != nil {
		t.Errorf("more than there ever is can't be had from a full bucket: %v", err)
	}
	if err := m.Take("b", 1); err == nil {
		t.Error("it has left something in the bucket")
	}
}

func TestWithoutACapacityNobodyIsMetered(t *testing.T) {
	m := New(0, 0, time.Now)
	for range 100 {
		if err := m.Take("a", 1); err != nil {
			t.Fatal(err)
		}
	}
}

// Tenants are as many as addresses, and memory isn't.
func TestBucketsThatAreFullAgainAreForgotten(t *testing.T) {
	at := &clock{time.Unix(1000, 0)}
	m := New(2, 1, at.now)
	spend := func(tenant string) {
		for m.Take(tenant, 1) == nil {
		}
	}
	for n := range 10 * sparse {
		if n%sparse == 0 {
			spend("busy")
		}
		if err := m.Take(fmt.Sprint(n), 1); err != nil {
			t.Fatal(err)
		}
		at.Time = at.Add(time.Millisecond)
	}
	if kept := len(m.buckets); kept > 2*sparse {
		t.Errorf("%d buckets are kept", kept)
	}
	spend("busy")
	if err := m.Take("busy", 1); err == nil {
		t.Error("who has spent all was forgotten")
	}
}
