package directory

import "context"

// Account answers who has an id; ErrUnknown also of an account whose sign-up isn't through, or that is being erased.
func (d *Directory) Account(ctx context.Context, id string) (Account, error) {
	account, err := d.accounts.read(ctx, id)
	if err == nil && account.Pending {
		return Account{}, ErrUnknown
	}
	return account, err
}
