package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// ErrUnconfirmed: who there is was restored from a backup, and no operator has looked at it since. Somebody who was removed behind
// the backup would be back, so nobody is let in.
var ErrUnconfirmed = errors.New("the accounts were restored from a backup, and no operator has confirmed them")

// confirmed is nil once an operator has looked at what was restored, and where nothing was.
func (d *Directory) confirmed(ctx context.Context) error {
	if d.restored == "" || d.sure.Load() {
		return nil
	}
	have, err := d.installations.read(ctx, keyOfInstallation)
	switch {
	case err != nil:
		return err
	case have.Confirmed != d.restored:
		return ErrUnconfirmed
	}
	d.sure.Store(true)
	return nil
}

// confirmedFor is confirmed for who has signed in. Who has come behind the restore by a link from the machine is let in before all others, to see who
// these are and to let them in. Their tokens wait, too: a backup may have them.
func (d *Directory) confirmedFor(ctx context.Context, account string) error {
	unconfirmed := d.confirmed(ctx)
	if !errors.Is(unconfirmed, ErrUnconfirmed) {
		return unconfirmed
	}
	have, err := d.operators.read(ctx, keyOfOperators)
	switch {
	case err != nil && !errors.Is(err, ErrUnknown):
		return err
	case have.Met[account] != d.restored:
		return unconfirmed
	}
	return nil
}

// Restored is who was restored from a backup and waits for an operator's word.
type Restored struct {
	// Waiting: there is somebody. Otherwise nothing was restored, or it is confirmed, and nothing else is said.
	Waiting bool
	// Operators are those that the backup has brought back.
	Operators []Account
	// Members are memberships in all of the tenants, and Tokens those that aren't over.
	Accounts, Tenants, Members, Tokens int
}

// everybody is no limit.
const everybody = math.MaxInt32

// Waiting says whether there is somebody who was restored and whom no operator has let in.
func (d *Directory) Waiting(ctx context.Context) (bool, error) {
	err := d.confirmed(ctx)
	if errors.Is(err, ErrUnconfirmed) {
		return true, nil
	}
	return false, err
}

// Restored counts who would be let in. It reads all there are, which somebody does once.
func (d *Directory) Restored(ctx context.Context) (Restored, error) {
	if waiting, err := d.Waiting(ctx); err != nil || !waiting {
		return Restored{}, err
	}
	have, err := d.operators.read(ctx, keyOfOperators)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return Restored{}, err
	}
	accounts, _, err := d.Accounts(ctx, "", everybody)
	if err != nil {
		return Restored{}, err
	}
	found := Restored{Waiting: true, Accounts: len(accounts)}
	for _, a := range accounts {
		if slices.Contains(have.Accounts, a.ID) && have.Met[a.ID] != d.restored {
			found.Operators = append(found.Operators, a)
		}
	}
	tenants, _, err := d.Tenants(ctx, "", everybody)
	if err != nil {
		return Restored{}, err
	}
	found.Tenants = len(tenants)
	byID := make(map[string]*Tenant, len(tenants))
	for i, t := range tenants {
		found.Members += len(t.Members)
		byID[t.ID] = &tenants[i]
	}
	tokens, err := d.tokensAt(ctx, "*.*")
	for _, token := range tokens {
		if t := byID[token.Tenant]; t != nil && d.now().Before(token.Expires) && t.RoleBy(token) != "" {
			found.Tokens++
		}
	}
	return found, err
}

// Confirm lets in who was restored, at every gateway. Doing it twice is doing it once.
func (d *Directory) Confirm(ctx context.Context) error {
	if d.restored == "" {
		return nil
	}
	_, err := d.installations.change(ctx, keyOfInstallation, func(have *Installation) (bool, error) {
		changed := have.Confirmed != d.restored
		have.Confirmed = d.restored
		return changed, nil
	})
	return err
}

// eraseAgain erases whom a restore has brought back. It is done before anybody can ask for anything, and if it was cut off by
// whoever opens the directory next.
func (d *Directory) eraseAgain(ctx context.Context) error {
	pages, err := d.log.Keys(ctx, storelog.BucketAccounts, storelog.KeyEraseAgain+".*")
	if err != nil {
		return err
	}
	for _, page := range pages {
		if err := d.eraseListed(ctx, page); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) eraseListed(ctx context.Context, page string) error {
	value, err := storelog.ReadValue(ctx, d.accounts.kv, page)
	if err != nil || value.Data == nil {
		return err
	}
	var ids []string
	if err := json.Unmarshal(value.Data, &ids); err != nil {
		return errors.New("whom to erase again can't be read")
	}
	for _, id := range ids {
		// The list lies where others may write, and no id of an account is a key of anything else.
		if !isID(accountPrefix, id) {
			continue
		}
		account, err := d.accounts.read(ctx, id)
		if errors.Is(err, ErrUnknown) {
			continue
		}
		if err == nil {
			err = d.evict(ctx, account)
		}
		if err != nil {
			return fmt.Errorf("erase %s again: %w", id, err)
		}
	}
	return shelf[struct{}]{d.accounts.kv, ""}.remove(ctx, page)
}

// evict erases an account whatever it leaves behind. It was erased before, in better order: an owner or operator who came after the
// backup isn't known any more, and operators see to what has none.
func (d *Directory) evict(ctx context.Context, account Account) error {
	for _, id := range account.Tenants {
		_, err := d.changeTenant(ctx, id, func(t *Tenant) (bool, error) {
			i := t.index(account.ID)
			if i < 0 {
				return false, nil
			}
			t.Members = slices.Delete(t.Members, i, i+1)
			t.Revision++
			return true, nil
		})
		if err == nil {
			err = d.endTokens(ctx, id, account.ID)
		}
		if err != nil && !errors.Is(err, ErrUnknown) {
			return err
		}
	}
	return d.finish(ctx, account.ID, erasing{Leads: slices.Concat(account.Leads, account.Left)})
}
