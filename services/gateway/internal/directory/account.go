package directory

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// signUpLife is how long a sign-up is kept that was broken off.
	signUpLife = time.Hour
	// maxDevices is how many devices of an account are known; of more the oldest is forgotten.
	maxDevices = 10
)

// Account answers who has an id; ErrUnknown also of an account whose sign-up isn't through.
func (d *Directory) Account(ctx context.Context, id string) (Account, error) {
	if !isID(accountPrefix, id) {
		return Account{}, ErrUnknown
	}
	return d.account(ctx, id)
}

func (d *Directory) account(ctx context.Context, id string) (Account, error) {
	account, err := d.accounts.read(ctx, id)
	if err == nil && account.Pending {
		return Account{}, ErrUnknown
	}
	return account, err
}

// Accounts lists those behind an id, by id, and says whether there are more.
func (d *Directory) Accounts(ctx context.Context, after string, limit int) (page []Account, more bool, err error) {
	keys, err := d.log.Keys(ctx, storelog.BucketAccounts, d.accounts.prefix+"*")
	if err != nil {
		return nil, false, err
	}
	return listed(ctx, behind(keys, d.accounts.prefix+after), limit, func(ctx context.Context, key string) (Account, error) {
		return d.account(ctx, key[len(d.accounts.prefix):])
	})
}

// SignUp makes an account with Email, Name and Hash of what is asked. ErrTaken, and the account that has the address, where somebody
// has it already.
//
// That are two keys. The account comes first and is pending, which is as good as none and goes by itself; then the lead, which
// is where two sign-ups with one address meet; and the account isn't pending any more. Who finds one that is pending still goes on with it, in the
// place of whoever began it: nobody has proved anything yet, and both change the same value, so that one of them is told.
func (d *Directory) SignUp(ctx context.Context, asked Account) (Account, error) {
	key := d.AddressKey(asked.Email)
	asked = Account{
		ID: newID(accountPrefix), Email: asked.Email, Name: asked.Name, Hash: asked.Hash, Pending: true, Leads: []string{key}, Created: d.now().UTC(),
	}
	if err := d.accounts.createFor(ctx, asked.ID, asked, signUpLife); err != nil {
		return Account{}, err
	}
	id := asked.ID
	err := d.claim(ctx, key, id)
	if taken, is := errors.AsType[*takenError](err); is {
		// Should it stay, then not for long.
		_ = d.accounts.remove(ctx, id)
		id = taken.by
	} else if err != nil {
		return Account{}, fmt.Errorf("sign up: %w", err)
	}
	account, err := d.accounts.change(ctx, id, func(a *Account) (bool, error) {
		switch {
		// The salt tells this hash from that of the same password.
		case !a.Pending && a.Hash == asked.Hash:
			return false, nil
		case !a.Pending:
			return false, ErrTaken
		}
		a.Email, a.Name, a.Hash, a.Pending = asked.Email, asked.Name, asked.Hash, false
		return true, nil
	})
	if err != nil && !errors.Is(err, ErrTaken) {
		return Account{}, fmt.Errorf("sign up: %w", err)
	}
	return account, err
}

// TakeBack ends an account that SignUp has just made, unless somebody has signed in to it since, and says whether it has.
func (d *Directory) TakeBack(ctx context.Context, account Account) (gone bool, err error) {
	err = d.accounts.removeIf(ctx, account.ID, func(a Account) bool {
		gone = a.Hash == account.Hash && a.Era == account.Era && len(a.Devices) == 0
		return gone
	})
	if err != nil || !gone {
		return false, err
	}
	for _, key := range account.Leads {
		if err := d.letGo(ctx, key, account.ID); err != nil {
			return true, err
		}
	}
	return true, nil
}

// Proven says that who asks has proved to be this account, which is as it was read for that. A device that isn't nil is known from
// now on by its sum, and a hash that isn't empty takes the password's place. ErrUnknown where the account is another by now.
func (d *Directory) Proven(ctx context.Context, account Account, device []byte, hash string) (Account, error) {
	if (device == nil || account.Knows(device)) && hash == "" {
		return account, nil
	}
	return d.changeOf(ctx, account, func(a *Account) bool {
		changed := false
		if hash != "" && a.Hash == account.Hash {
			a.Hash, changed = hash, true
		}
		if device != nil && !a.Knows(device) {
			if len(a.Devices) >= maxDevices {
				a.Devices = a.Devices[len(a.Devices)-maxDevices+1:]
			}
			a.Devices, changed = append(a.Devices, Device{Sum: device, Since: d.now().UTC()}), true
		}
		return changed
	})
}

// Knows says whether somebody has signed in from the device with this sum before.
func (a Account) Knows(device []byte) bool {
	known := 0
	for _, d := range a.Devices {
		known |= subtle.ConstantTimeCompare(d.Sum, device)
	}
	return known == 1
}

// changeOf changes an account for who was told to be it in an era: ErrUnknown where that is over.
func (d *Directory) changeOf(ctx context.Context, account Account, decide func(*Account) bool) (Account, error) {
	return d.accounts.change(ctx, account.ID, func(a *Account) (bool, error) {
		if a.Pending || a.Era != account.Era {
			return false, ErrUnknown
		}
		return decide(a), nil
	})
}

// Rename gives an account another name.
func (d *Directory) Rename(ctx context.Context, account Account, name string) (Account, error) {
	return d.changeOf(ctx, account, func(a *Account) bool {
		changed := a.Name != name
		a.Name = name
		return changed
	})
}

// AskAddress notes an address that an account would like to have; empty: none. Whose it is already isn't looked at: that is for
// who reads its mail to find out.
func (d *Directory) AskAddress(ctx context.Context, account Account, email string) (Account, error) {
	return d.changeOf(ctx, account, func(a *Account) bool {
		changed := a.NewEmail != email
		a.NewEmail = email
		return changed
	})
}

// ChangePassword gives an account another password, and ends its sessions and links.
func (d *Directory) ChangePassword(ctx context.Context, account Account, hash string) (Account, error) {
	return d.accounts.change(ctx, account.ID, func(a *Account) (bool, error) {
		switch {
		case a.Hash == hash:
			return false, nil
		case a.Pending || a.Era != account.Era:
			return false, ErrUnknown
		}
		a.Hash, a.Era = hash, a.Era+1
		return true, nil
	})
}

// EndSessions ends all sessions and links of an account. Ending them twice is ending them once.
func (d *Directory) EndSessions(ctx context.Context, account Account) error {
	_, err := d.accounts.change(ctx, account.ID, func(a *Account) (bool, error) {
		changed := a.Era == account.Era
		if changed {
			a.Era++
		}
		return changed, nil
	})
	return err
}

// verified fails with ErrUnverified where it isn't proved that who has an account reads the mail at its address. Such an account may have been
// made in wait for whom the address belongs to: what others are to rely on isn't begun by it.
func (d *Directory) verified(ctx context.Context, id string) error {
	account, err := d.Account(ctx, id)
	if err == nil && !account.Verified {
		return ErrUnverified
	}
	return err
}
