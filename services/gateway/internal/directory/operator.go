package directory

import (
	"cmp"
	"context"
	"errors"
	"maps"
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
	// Met is of those who have come by a link from the machine behind a restore from a backup which restore that was: it wasn't the backup that let
	// them in.
	Met map[string]string `json:"met,omitempty"`
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
	delete(o.Met, id)
}

// someMet says whether somebody has come behind a restore.
func (o Operators) someMet(restored string) bool {
	return restored != "" && slices.Contains(slices.Collect(maps.Values(o.Met)), restored)
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

// FirstOperatorLink makes one where there is no operator, or what was restored from a backup waits for one, and empty text where there is. Each gateway
// may make its own: none can read out another's, and with the first operator all of them end.
func (d *Directory) FirstOperatorLink(ctx context.Context) (secret string, err error) {
	have, err := d.operators.read(ctx, keyOfOperators)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return "", err
	}
	if err := d.confirmed(ctx); errors.Is(err, ErrUnconfirmed) && !have.someMet(d.restored) {
		return d.links.issue(ctx, Link{Purpose: BecomeOperator, Restored: d.restored}, firstLife)
	} else if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return "", err
	}
	if len(have.Accounts) > 0 {
		return "", nil
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
		if err := d.confirmed(ctx); !errors.Is(err, ErrUnconfirmed) {
			return cmp.Or(err, ErrUnknown)
		}
	}
	have, err := d.operators.read(ctx, keyOfOperators)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	return link.goodFor("", have)
}

// goodFor fails with ErrUnknown where a link is of those that were printed for whoever comes first, and another has come.
func (l Link) goodFor(id string, have Operators) error {
	if l.First && len(have.Accounts) > 0 && !slices.Contains(have.Accounts, id) || have.someMet(l.Restored) && have.Met[id] != l.Restored {
		return ErrUnknown
	}
	return nil
}

// BecomeOperator makes an account an operator by a link, which counts as a word for its address as well: it was read out by who sits at the
// machine. Behind a restore from a backup it lets the account in before all others, to look at them. ErrUnknown where the link is none, or is spent.
func (d *Directory) BecomeOperator(ctx context.Context, secret string, account Account) (Account, error) {
	if err := d.LookOperatorLink(ctx, secret); err != nil {
		return Account{}, err
	}
	link, err := d.links.spend(ctx, secret)
	if err != nil {
		return Account{}, err
	}
	return d.makeOperator(ctx, account.ID, &link)
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
	return d.makeOperator(ctx, id, nil)
}

// makeOperator goes by a link from the machine, or by the word of an operator, without one.
func (d *Directory) makeOperator(ctx context.Context, id string, by *Link) (Account, error) {
	if _, err := d.operators.ensure(ctx, keyOfOperators, Operators{}); err != nil {
		return Account{}, err
	}
	_, err := d.operators.change(ctx, keyOfOperators, func(have *Operators) (bool, error) {
		if by != nil {
			if err := by.goodFor(id, *have); err != nil {
				return false, err
			}
		}
		_, changed := have.By[id]
		delete(have.By, id)
		if !slices.Contains(have.Accounts, id) {
			have.Accounts, changed = append(have.Accounts, id), true
		}
		if by != nil && d.restored != "" && have.Met[id] != d.restored {
			if have.Met == nil {
				have.Met = map[string]string{}
			}
			have.Met[id], changed = d.restored, true
		}
		return changed, nil
	})
	if err != nil {
		return Account{}, err
	}
	account, err := d.accounts.change(ctx, id, func(a *Account) (bool, error) {
		vouched := by != nil && !a.Verified
		changed := !a.Operator || vouched
		a.Operator, a.Verified = true, a.Verified || vouched
		return changed, nil
	})
	if errors.Is(err, ErrUnknown) {
		// It was erased meanwhile. One that nobody has would count as the other operator, whom the last may leave behind.
		return Account{}, cmp.Or(d.strikeOperator(ctx, id), err)
	}
	return account, err
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

// dropOperator fails with ErrLastOperator where an account is the only one.
func (d *Directory) dropOperator(ctx context.Context, id string) error {
	return d.withoutOperator(ctx, id, func(have Operators) error { return have.lastIs(id) })
}

// strikeOperator is dropOperator of an account that is gone, or is going whatever it leaves behind.
func (d *Directory) strikeOperator(ctx context.Context, id string) error {
	return d.withoutOperator(ctx, id, func(Operators) error { return nil })
}

func (d *Directory) withoutOperator(ctx context.Context, id string, may func(Operators) error) error {
	_, err := d.operators.change(ctx, keyOfOperators, func(have *Operators) (bool, error) {
		if !slices.Contains(have.Accounts, id) {
			return false, nil
		}
		if err := may(*have); err != nil {
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
