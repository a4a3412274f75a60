package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// erasing is what is left to be done of an erasure: no more is known of the account by then.
type erasing struct {
	Leads []string `json:"leads"`
}

// Erase ends an account and removes all that is personal about it. ErrLastOwner and ErrLastOperator where others would be left with nobody to look
// after them, and nothing is erased then.
//
// Until the account itself goes, who was cut off can ask again. Behind that nobody can sign in to do so, and whichever gateway opens the
// directory next ends what was begun.
func (d *Directory) Erase(ctx context.Context, account Account) error {
	account, err := d.Account(ctx, account.ID)
	if err != nil {
		return err
	}
	if err := d.mayStopOperating(ctx, account.ID); err != nil {
		return err
	}
	if err := d.Depart(ctx, account); err != nil {
		return err
	}
	if err := d.dropOperator(ctx, account.ID); err != nil {
		return err
	}
	if err := d.forgetInvited(ctx, account); err != nil {
		return err
	}
	// As it is now: it may be on its way to another address.
	if account, err = d.Account(ctx, account.ID); err != nil {
		return err
	}
	begun := erasing{Leads: slices.Concat(account.Leads, account.Left)}
	if _, err := d.erasings.ensure(ctx, account.ID, begun); err != nil {
		return err
	}
	return d.finish(ctx, account.ID, begun)
}

// finish leaves the id alone behind, so that backups which are older than this don't bring anybody back.
func (d *Directory) finish(ctx context.Context, id string, begun erasing) error {
	if _, err := d.erased.ensure(ctx, id, struct{}{}); err != nil {
		return err
	}
	if err := d.accounts.remove(ctx, id); err != nil {
		return err
	}
	// Somebody may have made it one until a moment ago; whoever does so from now on finds it gone.
	if err := d.strikeOperator(ctx, id); err != nil {
		return err
	}
	for _, key := range begun.Leads {
		if err := d.letGo(ctx, key, id); err != nil {
			return err
		}
	}
	return d.erasings.remove(ctx, id)
}

// finishAll ends the erasures that were begun.
func (d *Directory) finishAll(ctx context.Context) error {
	keys, err := d.log.Keys(ctx, storelog.BucketAccounts, d.erasings.prefix+"*")
	if err != nil {
		return err
	}
	for _, key := range keys {
		id := key[len(d.erasings.prefix):]
		begun, err := d.erasings.read(ctx, id)
		if errors.Is(err, ErrUnknown) {
			continue
		}
		if err == nil {
			err = d.finish(ctx, id, begun)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetInvited removes the invites to the address of an account that is going. One that wasn't proved is none of that account's:
// whoever says that they have another's address would keep that one from being invited.
func (d *Directory) forgetInvited(ctx context.Context, account Account) error {
	if !account.Verified {
		return nil
	}
	keys, err := d.log.Keys(ctx, storelog.BucketPasses, d.invites.prefix+">")
	if err != nil {
		return err
	}
	for _, key := range keys {
		err := d.invites.removeIf(ctx, strings.TrimPrefix(key, d.invites.prefix), func(i Invite) bool {
			return i.Email != "" && SameAddress(i.Email, account.Email)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
