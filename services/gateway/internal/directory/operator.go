package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

var (
	// ErrLastOperator: without this one there would be none.
	ErrLastOperator = errors.New("there is no other operator")
	// ErrUnverified: it isn't proved that who has the account reads the mail at its address.
	ErrUnverified = errors.New("the address isn't verified")
)

// Operators are the accounts that look after the platform: one value, so that of two who unmake each other one stays. An account says so itself,
// too, for who asks for nothing but the account; it says so after it stands here, and stands here no more before it stops.
type Operators struct {
	Accounts []string `json:"accounts"`
	// By is of those who are operators by a provider's word which provider's that is.
	By map[string]string `json:"by,omitempty"`
}

func (o *Operators) add(id, provider string) {
	o.Accounts = append(o.Accounts, id)
	if o.By == nil {
		o.By = map[string]string{}
	}
	o.By[id] = provider
}

func (o *Operators) drop(id string) {
	o.Accounts = without(o.Accounts, id)
	delete(o.By, id)
}

const (
	// keyOfOperators is where the bucket of accounts holds them.
	keyOfOperators = "operators"
	// firstLife and operatorLife are how long a link makes an operator: one that is printed at the start may wait for its reader, and
	// one that was asked for has one.
	firstLife    = 24 * time.Hour
	operatorLife = time.Hour
)

// OperatorLink makes a link by which any account becomes an operator.
func (d *Directory) OperatorLink(ctx context.Context) (secret string, err error) {
	return d.links.issue(ctx, Link{Purpose: BecomeOperator}, operatorLife)
}

// FirstOperatorLink makes one where there is no operator, or none that has confirmed what was restored, and empty text where there is. Each gateway may make its own: none can read out
// another's, and with the first operator all of them end.
func (d *Directory) FirstOperatorLink(ctx context.Context) (secret string, err error) {
	if err := d.confirmed(ctx); errors.Is(err, ErrUnconfirmed) {
		return d.links.issue(ctx, Link{Purpose: BecomeOperator, Restored: d.restored}, firstLife)
	} else if err != nil {
		return "", err
	}
	have, err := d.operators.read(ctx, keyOfOperators)
	if err != nil && !errors.Is(err, ErrUnknown) || len(have.Accounts) > 0 {
		return "", err
	}
	return d.links.issue(ctx, Link{Purpose: BecomeOperator, First: true}, firstLife)
}

// LookOperatorLink says whether a link makes operators, and leaves it good; ErrUnknown where it doesn't.
func (d *Directory) LookOperatorLink(ctx context.Context, secret string) error {
	link, err := d.links.look(ctx, secret)
	if err != nil {
		return err
	}
	if link.Purpose != BecomeOperator {
		return ErrUnknown
	}
	if link.Restored != "" {
		// Each gateway has printed one, and the first that is followed ends the others.
		if err := d.confirmed(ctx); !errors.Is(err, ErrUnconfirmed) {
			return cmp.Or(err, ErrUnknown)
		}
	}
	if !link.First {
		return nil
	}
	have, err := d.operators.read(ctx, keyOfOperators)
	if errors.Is(err, ErrUnknown) || err == nil && len(have.Accounts) == 0 {
		return nil
	}
	return cmp.Or(err, ErrUnknown)
}

// BecomeOperator makes an account an operator by a link, which counts as a word for its address as well: it was read out by who sits at the
// machine. What was restored from a backup is confirmed by it. ErrUnknown where the link is none, or is spent.
func (d *Directory) BecomeOperator(ctx context.Context, secret string, account Account) (Account, error) {
	if err := d.LookOperatorLink(ctx, secret); err != nil {
		return Account{}, err
	}
	link, err := d.links.spend(ctx, secret)
	if err != nil {
		return Account{}, err
	}
	made, err := d.makeOperator(ctx, account.ID, link.First, true)
	if err != nil {
		return Account{}, err
	}
	return made, d.confirm(ctx)
}

// MakeOperator makes an account an operator, by the word of one. ErrUnverified where anybody may have its address.
func (d *Directory) MakeOperator(ctx context.Context, id string) (Account, error) {
	account, err := d.Account(ctx, id)
	if err != nil {
		return Account{}, err
	}
	if !account.Verified {
		return Account{}, ErrUnverified
	}
	return d.makeOperator(ctx, id, false, false)
}

func (d *Directory) makeOperator(ctx context.Context, id string, first, vouched bool) (Account, error) {
	if _, err := d.operators.ensure(ctx, keyOfOperators, Operators{}); err != nil {
		return Account{}, err
	}
	_, err := d.operators.change(ctx, keyOfOperators, func(have *Operators) (bool, error) {
		switch {
		case slices.Contains(have.Accounts, id):
			_, given := have.By[id]
			delete(have.By, id)
			return given, nil
		case first && len(have.Accounts) > 0:
			return false, ErrUnknown
		}
		have.Accounts = append(have.Accounts, id)
		return true, nil
	})
	if err != nil {
		return Account{}, err
	}
	return d.accounts.change(ctx, id, func(a *Account) (bool, error) {
		changed := !a.Operator || vouched && !a.Verified
		a.Operator, a.Verified = true, a.Verified || vouched
		return changed, nil
	})
}

// UnmakeOperator ends that an account is an operator. ErrLastOperator where it is the only one.
func (d *Directory) UnmakeOperator(ctx context.Context, id string) (Account, error) {
	if _, err := d.Account(ctx, id); err != nil {
		return Account{}, err
	}
	if err := d.dropOperator(ctx, id); err != nil {
		return Account{}, err
	}
	return d.accounts.change(ctx, id, func(a *Account) (bool, error) {
		changed := a.Operator
		a.Operator = false
		return changed, nil
	})
}

// lastIs fails with ErrLastOperator where an account is the only one.
func (o Operators) lastIs(id string) error {
	if len(o.Accounts) == 1 && o.Accounts[0] == id {
		return ErrLastOperator
	}
	return nil
}

func (d *Directory) mayStopOperating(ctx context.Context, id string) error {
	have, err := d.operators.read(ctx, keyOfOperators)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	return have.lastIs(id)
}

func (d *Directory) dropOperator(ctx context.Context, id string) error {
	_, err := d.operators.change(ctx, keyOfOperators, func(have *Operators) (bool, error) {
		if !slices.Contains(have.Accounts, id) {
			return false, nil
		}
		if err := have.lastIs(id); err != nil {
			return false, err
		}
		have.drop(id)
		return true, nil
	})
	if errors.Is(err, ErrUnknown) {
		return nil
	}
	return err
}
