package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// InviteLife is how long an invite may be taken.
const InviteLife = 7 * 24 * time.Hour

// ErrOthersInvite: it was made for another address than the account's.
var ErrOthersInvite = errors.New("the invite is for another address")

const (
	// invitePrefix begins the text of an invite, and inviteID its id.
	invitePrefix = "si_"
	inviteID     = "i-"
	// clocks is how far those of gateways and brokers may be apart, with room.
	clocks = time.Hour
)

// inviteKey is where an invite is kept: below its tenant, so that its owners find it without the secret.
func inviteKey(tenant, id string) string { return tenant + "." + id }

// NewInvite makes an invite of a tenant's, to an address or to whoever has it, and answers its text, which nobody can read out
// again. It fails with ErrNotOwner, with ErrUnverified, and with a *FullError.
func (d *Directory) NewInvite(ctx context.Context, by By, tenant string, role principal.Role, email string) (Invite, string, error) {
	t, err := d.Tenant(ctx, tenant)
	if err != nil {
		return Invite{}, "", err
	}
	if err := by.manages(&t); err != nil {
		return Invite{}, "", err
	}
	if !by.Operator {
		if err := d.verified(ctx, by.Account); err != nil {
			return Invite{}, "", err
		}
	}
	open, err := d.open(ctx, t)
	if err != nil {
		return Invite{}, "", err
	}
	if len(open) >= MaxInvites {
		return Invite{}, "", &FullError{Of: "invites", Most: MaxInvites}
	}
	if t.remembers(d.now()) >= MaxSpent {
		return Invite{}, "", &FullError{Of: "invites of one week", Most: MaxSpent}
	}
	secret := rand.Text()
	sum := sha256.Sum256([]byte(secret))
	now := d.now().UTC()
	made := Invite{
		ID: newID(inviteID), Tenant: tenant, Role: role, Email: email, By: by.Account, Sum: sum[:], Created: now, Expires: now.Add(InviteLife),
	}
	if err := d.invites.createFor(ctx, inviteKey(tenant, made.ID), made, InviteLife); err != nil {
		return Invite{}, "", err
	}
	return made, invitePrefix + strings.TrimPrefix(tenant, tenantPrefix) + strings.TrimPrefix(made.ID, inviteID) + "_" + secret, nil
}

// Invites lists those of a tenant that can be taken, the oldest first. It fails as NewInvite does.
func (d *Directory) Invites(ctx context.Context, by By, tenant string) ([]Invite, error) {
	t, err := d.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if err := by.manages(&t); err != nil {
		return nil, err
	}
	return d.open(ctx, t)
}

func (d *Directory) open(ctx context.Context, t Tenant) ([]Invite, error) {
	keys, err := d.log.Keys(ctx, storelog.BucketPasses, d.invites.prefix+inviteKey(t.ID, "*"))
	if err != nil {
		return nil, err
	}
	var open []Invite
	for _, key := range keys {
		i, err := d.invites.read(ctx, strings.TrimPrefix(key, d.invites.prefix))
		if err == nil {
			err = d.good(ctx, t, i)
		}
		switch {
		case err == nil:
			open = append(open, i)
		case !errors.Is(err, ErrUnknown):
			return nil, err
		}
	}
	slices.SortFunc(open, func(a, b Invite) int { return a.Created.Compare(b.Created) })
	return open, nil
}

// good fails with ErrUnknown where nobody may take an invite any more: it is over or spent, or was made by somebody who couldn't
// make it now. Otherwise an owner who was removed would come back by an invite of their own.
func (d *Directory) good(ctx context.Context, t Tenant, i Invite) error {
	if !d.now().Before(i.Expires) || t.spent(i.ID) >= 0 {
		return ErrUnknown
	}
	if i.By == "" || t.RoleOf(i.By) == principal.Owner {
		return nil
	}
	by, err := d.accounts.read(ctx, i.By)
	if err == nil && !by.Operator {
		err = ErrUnknown
	}
	return err
}

// remembers is how many spent invites a tenant knows of: what grows with them is read with each request.
func (t Tenant) remembers(now time.Time) (n int) {
	for _, s := range t.Spent {
		if !now.After(s.Until) {
			n++
		}
	}
	return n
}

func (t Tenant) spent(invite string) int {
	return slices.IndexFunc(t.Spent, func(s Spent) bool { return s.Invite == invite })
}

// Invite answers what a text invites to, and changes nothing; ErrUnknown where that is nothing any more.
func (d *Directory) Invite(ctx context.Context, text string) (Invite, Tenant, error) {
	i, err := d.invited(ctx, text)
	if err != nil {
		return Invite{}, Tenant{}, err
	}
	t, err := d.Tenant(ctx, i.Tenant)
	if err == nil {
		err = d.good(ctx, t, i)
	}
	if err != nil {
		return Invite{}, Tenant{}, err
	}
	return i, t, nil
}

// invited is the invite of a text, spent or not.
func (d *Directory) invited(ctx context.Context, text string) (Invite, error) {
	tenant, id, secret, err := partsOf(text)
	if err != nil {
		return Invite{}, err
	}
	i, err := d.invites.read(ctx, inviteKey(tenant, id))
	if err != nil {
		return Invite{}, err
	}
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], i.Sum) != 1 {
		return Invite{}, ErrUnknown
	}
	return i, nil
}

// partsOf takes the text of an invite apart; ErrUnknown of what is none.
func partsOf(text string) (tenant, id, secret string, err error) {
	rest, ok := strings.CutPrefix(text, invitePrefix)
	ids, secret, _ := strings.Cut(rest, "_")
	if !ok || len(secret) != secretLength || len(ids) != 2*idLength || !isID("", ids[:idLength]) || !isID("", ids[idLength:]) {
		return "", "", "", ErrUnknown
	}
	return tenantPrefix + ids[:idLength], inviteID + ids[idLength:], secret, nil
}

// TakeInvite makes an account a member of the tenant that a text invites to, in the role that it says. It fails with ErrUnknown where
// it is no invite any more, with ErrOthersInvite and ErrMember, which both leave it for another, and with a *FullError.
//
// That it is spent and who has become a member by it is one write, of the tenant: whoever is killed before that can take it
// again, and behind it nobody else can, although the invite itself may still be found. Who takes it a second time has it already.
func (d *Directory) TakeInvite(ctx context.Context, text, account string) (Tenant, error) {
	i, err := d.invited(ctx, text)
	if errors.Is(err, ErrUnknown) {
		return d.taken(ctx, text, account)
	}
	if err != nil {
		return Tenant{}, err
	}
	a, err := d.Account(ctx, account)
	if err != nil {
		return Tenant{}, err
	}
	if i.Email != "" && d.AddressKey(i.Email) != d.AddressKey(a.Email) {
		return Tenant{}, ErrOthersInvite
	}
	if err := d.hint(ctx, account, i.Tenant); err != nil {
		return Tenant{}, err
	}
	role, _, err := d.RoleIn(ctx, account, i.Tenant)
	if err == nil && role == "" {
		// Tokens of an earlier membership, where somebody was killed when that ended.
		err = d.endTokens(ctx, i.Tenant, account)
	}
	if err != nil {
		return Tenant{}, err
	}
	t, err := d.changeTenant(ctx, i.Tenant, func(t *Tenant) (bool, error) { return true, d.join(ctx, t, i, account) })
	if errors.Is(err, errJoined) {
		t, err = d.Tenant(ctx, i.Tenant)
	}
	if err != nil {
		return Tenant{}, err
	}
	// Should it stay, then for as long as the tenant knows that it is spent.
	_ = d.invites.remove(ctx, inviteKey(i.Tenant, i.ID))
	return t, nil
}

// taken answers who has taken an invite that is gone by now: the answer may have been lost. What it says its account knows anyway,
// so the secret, which nobody can look at any more, needn't be right.
func (d *Directory) taken(ctx context.Context, text, account string) (Tenant, error) {
	tenant, id, _, err := partsOf(text)
	if err != nil {
		return Tenant{}, err
	}
	t, err := d.Tenant(ctx, tenant)
	if err != nil {
		return Tenant{}, err
	}
	if !t.joinedBy(id, account) {
		return Tenant{}, ErrUnknown
	}
	return t, nil
}

// joinedBy says whether an account is a member, and became one by this very invite.
func (t Tenant) joinedBy(invite, account string) bool {
	at := t.spent(invite)
	return at >= 0 && t.Spent[at].Account == account && t.RoleOf(account) != ""
}

// errJoined: the account is a member by this very invite.
var errJoined = errors.New("the invite has done what it does")

func (d *Directory) join(ctx context.Context, t *Tenant, i Invite, account string) error {
	if t.joinedBy(i.ID, account) {
		return errJoined
	}
	if err := d.good(ctx, *t, i); err != nil {
		return err
	}
	if t.RoleOf(account) != "" {
		return ErrMember
	}
	if len(t.Members) >= MaxMembers {
		return &FullError{Of: "members", Most: MaxMembers}
	}
	now := d.now().UTC()
	t.Members = append(t.Members, Member{Account: account, Role: i.Role, Since: now})
	t.Spent = append(t.Spent, Spent{Invite: i.ID, Account: account, Until: now.Add(InviteLife + clocks)})
	t.Revision++
	return nil
}

// WithdrawInvite keeps everybody from taking an invite that nobody has taken. It fails with ErrNotOwner, and with ErrUnknown where
// there is none of that id to be taken.
func (d *Directory) WithdrawInvite(ctx context.Context, by By, tenant, id string) error {
	if !isID(tenantPrefix, tenant) || !isID(inviteID, id) {
		return ErrUnknown
	}
	key := inviteKey(tenant, id)
	_, err := d.invites.read(ctx, key)
	found := err
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	_, err = d.changeTenant(ctx, tenant, func(t *Tenant) (bool, error) {
		if err := by.manages(t); err != nil {
			return false, err
		}
		if at := t.spent(id); at >= 0 && t.Spent[at].Account == "" {
			return false, nil
		} else if found != nil || at >= 0 {
			return false, ErrUnknown
		}
		t.Spent = append(t.Spent, Spent{Invite: id, Until: d.now().UTC().Add(InviteLife + clocks)})
		return true, nil
	})
	if err != nil {
		return err
	}
	return d.invites.remove(ctx, key)
}
