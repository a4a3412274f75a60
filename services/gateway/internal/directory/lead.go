package directory

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// AddressKey is the key of the lead that stands for an e-mail address.
func (d *Directory) AddressKey(email string) string { return d.digest("email", compared(email)) }

// NetworkKey stands for a network address where its guesses are counted.
func (d *Directory) NetworkKey(network string) string { return d.digest("network", network) }

// SameAddress says whether two texts are one address.
func SameAddress(a, b string) bool { return compared(a) == compared(b) }

// compared is an address as it is compared. Letters that differ in case are the same, though a server may take them for two before the @: none
// does, and two accounts that people take for one are worse.
func compared(email string) string { return strings.ToLower(norm.NFC.String(email)) }

// ByAddress answers who has an address. An unknown one costs as many reads as a known one.
func (d *Directory) ByAddress(ctx context.Context, email string) (Account, error) {
	return d.byLead(ctx, d.AddressKey(email))
}

// nobody is an id that no account has.
const nobody = "a-nobody"

func (d *Directory) byLead(ctx context.Context, key string) (Account, error) {
	lead, err := d.leads.read(ctx, key)
	if errors.Is(err, ErrUnknown) {
		lead, err = Lead{Account: nobody}, nil
	}
	if err != nil {
		return Account{}, err
	}
	account, err := d.account(ctx, lead.Account)
	if err == nil && !slices.Contains(account.Leads, key) {
		return Account{}, ErrUnknown
	}
	return account, err
}

// takenError says which account a key leads to.
type takenError struct{ by string }

func (e *takenError) Error() string    { return ErrTaken.Error() }
func (e *takenError) Is(e2 error) bool { return e2 == ErrTaken }

// claim makes a key lead to an account that lists it already, unless it leads to another that does (takenError). A lead that its account
// doesn't list is what a crash has left, of an account that is gone or was on its way to another address.
//
// It is written anew where it leads here already: whoever has found it left over and is about to take it must meet another revision.
func (d *Directory) claim(ctx context.Context, key, account string) error {
	want, err := json.Marshal(Lead{Account: account, Nonce: rand.Text()})
	if err != nil {
		return err
	}
	_, err = storelog.Rewrite(ctx, d.leads.kv, d.leads.prefix+key, func(have storelog.Value) ([]byte, error) {
		if have.Data == nil {
			return want, nil
		}
		var lead Lead
		if err := d.leads.decode(have.Data, &lead); err != nil {
			return nil, err
		}
		switch {
		case slices.Equal(have.Data, want):
			return nil, nil
		case lead.Account == account:
			return want, nil
		}
		other, err := d.accounts.read(ctx, lead.Account)
		switch {
		case errors.Is(err, ErrUnknown) || err == nil && !slices.Contains(other.Leads, key):
			return want, nil
		case err != nil:
			return nil, err
		}
		return nil, &takenError{lead.Account}
	})
	return err
}

// letGo removes a lead where it leads to the account still.
func (d *Directory) letGo(ctx context.Context, key, account string) error {
	return d.leads.removeIf(ctx, key, func(lead Lead) bool { return lead.Account == account })
}
