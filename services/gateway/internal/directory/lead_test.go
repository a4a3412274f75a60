package directory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
)

// interrupted is a bucket where something happens once behind a read of one key, whose answer is older then.
type interrupted struct {
	jetstream.KeyValue
	key  string
	once *sync.Once
	by   func()
}

func (i interrupted) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	entry, err := i.KeyValue.Get(ctx, key)
	if key == i.key {
		i.once.Do(i.by)
	}
	return entry, err
}

// Somebody finds a lead left over of an account that is on its way back to the address. Whatever the order, the account that is told to have it
// has it.
func TestALeadThatIsTakenUpAgainIsNotLeftOver(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	key := d.AddressKey("maria@example.com")
	maria, other := signedUp(t, d, "maria@example.com"), signedUp(t, d, "other@example.com")
	list := func(keys ...string) {
		if _, err := d.accounts.change(t.Context(), maria.ID, func(a *Account) (bool, error) { a.Leads = keys; return true, nil }); err != nil {
			t.Fatal(err)
		}
	}
	list()
	finder := &Directory{log: d.log, now: d.now, installation: d.installation, accounts: d.accounts, leads: d.leads}
	finder.accounts.kv = interrupted{d.accounts.kv, d.accounts.prefix + maria.ID, new(sync.Once), func() {
		list(key)
		if err := d.claim(t.Context(), key, maria.ID); err != nil {
			t.Error(err)
		}
	}}
	if err := finder.claim(t.Context(), key, other.ID); !errors.Is(err, ErrTaken) {
		t.Errorf("who has found it is told %v", err)
	}
	if a, err := d.ByAddress(t.Context(), "maria@example.com"); err != nil || a.ID != maria.ID {
		t.Errorf("it leads to %+v, %v", a, err)
	}
	list()
	if err := d.claim(t.Context(), key, other.ID); err != nil {
		t.Errorf("what is left over: %v", err)
	}
	if err := d.letGo(t.Context(), key, maria.ID); err != nil {
		t.Fatal(err)
	}
	if lead, err := d.leads.read(t.Context(), key); err != nil || lead.Account != other.ID {
		t.Errorf("who had it has removed it: %+v, %v", lead, err)
	}
	if a, err := d.Account(t.Context(), maria.ID); err != nil || slices.Contains(a.Leads, key) {
		t.Errorf("%+v, %v", a, err)
	}
}
