package directory

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// A token ends by itself: of one that somebody has forgotten nobody notices that it was stolen.
const (
	TokenLife    = 90 * 24 * time.Hour
	MaxTokenLife = 365 * 24 * time.Hour
)

// TokenPrefix is how API tokens begin, so that they are told from the admin key, and found where they were left lying about.
const TokenPrefix = "sp_"

const (
	accountPrefix = storelog.AccountPrefix
	secretLength  = 26
	// usedEvery is how exactly is known when a token was used last.
	usedEvery = time.Hour
)

// tokensKey is where the tokens of an account in a tenant are kept, or "" of what are no ids of these.
func tokensKey(tenant, account string) string {
	if !isID(tenantPrefix, tenant) || !isID(accountPrefix, account) {
		return ""
	}
	return tenant + "." + account
}

// keyOfToken finds where a token is kept: its id begins with its tenant's and its account's. ErrUnknown of what is no id.
func keyOfToken(id string) (string, error) {
	if len(id) != 3*idLength {
		return "", ErrUnknown
	}
	key := tokensKey(tenantPrefix+id[:idLength], accountPrefix+id[idLength:2*idLength])
	if key == "" {
		return "", ErrUnknown
	}
	return key, nil
}

// ByToken answers the token that a text is: ErrUnknown where it is none, is over, or was revoked. It costs one read, and says
// nothing of whether the token's account is still a member.
func (d *Directory) ByToken(ctx context.Context, text string) (Token, error) {
	id, secret, _ := strings.Cut(strings.TrimPrefix(text, TokenPrefix), "_")
	if !strings.HasPrefix(text, TokenPrefix) || len(secret) != secretLength {
		return Token{}, ErrUnknown
	}
	t, err := d.Token(ctx, id)
	if err != nil {
		return Token{}, err
	}
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], t.Sum) != 1 {
		return Token{}, ErrUnknown
	}
	d.noteUse(t)
	return t, nil
}

// Token answers one by its id; ErrUnknown where there is none, or none any more.
func (d *Directory) Token(ctx context.Context, id string) (Token, error) {
	key, err := keyOfToken(id)
	if err != nil {
		return Token{}, err
	}
	have, err := d.tokens.read(ctx, key)
	if err != nil {
		return Token{}, err
	}
	i := have.index(id)
	if i < 0 || !d.now().Before(have.Tokens[i].Expires) {
		return Token{}, ErrUnknown
	}
	return have.Tokens[i], nil
}

func (t Tokens) index(id string) int {
	return slices.IndexFunc(t.Tokens, func(t Token) bool { return t.ID == id })
}

// NewToken makes a token as it is wanted: with Name, Account, Tenant, Role and Scopes, and Expires unless it is to live TokenLife.
// It answers what was made and the text, which nobody can read out again. Its role is no more than the account's at this moment.
// ErrUnknown where that is no member, a *FullError where it has MaxTokens there.
func (d *Directory) NewToken(ctx context.Context, want Token) (Token, string, error) {
	key := tokensKey(want.Tenant, want.Account)
	if key == "" {
		return Token{}, "", ErrUnknown
	}
	role, _, err := d.RoleIn(ctx, want.Account, want.Tenant)
	if err != nil {
		return Token{}, "", err
	}
	if want.Role = want.Role.Within(role); want.Role == "" {
		return Token{}, "", ErrUnknown
	}
	want.Created = d.now().UTC()
	if want.Expires.IsZero() {
		want.Expires = want.Created.Add(TokenLife)
	}
	want.ID = strings.TrimPrefix(want.Tenant, tenantPrefix) + strings.TrimPrefix(want.Account, accountPrefix) + newID("")
	secret := rand.Text()
	sum := sha256.Sum256([]byte(secret))
	want.Sum = sum[:]
	if _, err := d.tokens.ensure(ctx, key, Tokens{}); err != nil {
		return Token{}, "", err
	}
	_, err = d.tokens.change(ctx, key, func(have *Tokens) (bool, error) {
		if have.index(want.ID) >= 0 {
			return false, nil
		}
		have.Tokens = slices.DeleteFunc(have.Tokens, func(t Token) bool { return !want.Created.Before(t.Expires) })
		if len(have.Tokens) >= MaxTokens {
			return false, &FullError{Of: OfTokens, Most: MaxTokens}
		}
		have.Tokens = append(have.Tokens, want)
		return true, nil
	})
	if err == nil {
		err = d.stillIn(ctx, want)
	}
	if err != nil {
		return Token{}, "", err
	}
	return want, TokenPrefix + want.ID + "_" + secret, nil
}

// stillIn fails with ErrUnknown where a token's account has left meanwhile, or the tenant is gone, and ends what was made: whoever saw to that may have
// looked for tokens before there was this one.
func (d *Directory) stillIn(ctx context.Context, t Token) error {
	role, _, err := d.RoleIn(ctx, t.Account, t.Tenant)
	if err == nil && role == "" {
		err = ErrUnknown
	}
	if errors.Is(err, ErrUnknown) {
		err = cmp.Or(d.endTokens(ctx, t.Tenant, t.Account), err)
	}
	return err
}

// noteUse writes down that a token is used, on nobody's way: a use that isn't noted is by the next.
func (d *Directory) noteUse(t Token) {
	now := d.now().UTC()
	if now.Sub(t.LastUsed) < usedEvery || !d.noting.TryLock() {
		return
	}
	go func() {
		defer d.noting.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), storelog.Patience)
		defer cancel()
		key, err := keyOfToken(t.ID)
		if err == nil {
			_, err = d.tokens.change(ctx, key, func(have *Tokens) (bool, error) {
				i := have.index(t.ID)
				if i < 0 || now.Sub(have.Tokens[i].LastUsed) < usedEvery {
					return false, nil
				}
				have.Tokens[i].LastUsed = now
				return true, nil
			})
		}
		if err != nil {
			slog.Debug("note the use of a token", "error", err)
		}
	}()
}

// RoleBy is what a token's bearer is in its tenant: no more than the token's role, and no more than its account's now.
func (t Tenant) RoleBy(token Token) principal.Role {
	if token.Tenant != t.ID {
		return ""
	}
	return token.Role.Within(t.RoleOf(token.Account))
}

// Tokens lists those of an account in a tenant, the oldest first; those that are over too, until another is made.
func (d *Directory) Tokens(ctx context.Context, tenant, account string) ([]Token, error) {
	key := tokensKey(tenant, account)
	if key == "" {
		return nil, ErrUnknown
	}
	have, err := d.tokens.read(ctx, key)
	if errors.Is(err, ErrUnknown) {
		return nil, nil
	}
	return have.Tokens, err
}

// TokensOf lists all tokens of a tenant's members, and of those who were members and whose tokens nobody came to remove.
func (d *Directory) TokensOf(ctx context.Context, tenant string) ([]Token, error) {
	if !isID(tenantPrefix, tenant) {
		return nil, ErrUnknown
	}
	return d.tokensAt(ctx, tenant+".*")
}

// tokensAt are those behind the keys of a pattern, the oldest first.
func (d *Directory) tokensAt(ctx context.Context, pattern string) ([]Token, error) {
	keys, err := d.log.Keys(ctx, storelog.BucketTokens, pattern)
	if err != nil {
		return nil, err
	}
	holders, _, err := listed(ctx, keys, len(keys), d.tokens.read)
	if err != nil {
		return nil, err
	}
	var all []Token
	for _, have := range holders {
		all = append(all, have.Tokens...)
	}
	slices.SortFunc(all, func(a, b Token) int { return a.Created.Compare(b.Created) })
	return all, nil
}

// RevokeToken ends a token: one's own, or as an owner of its tenant anybody's. ErrUnknown where it is neither, or there is none of that
// id, or none any more. It answers whose it was.
func (d *Directory) RevokeToken(ctx context.Context, by By, id string) (Token, error) {
	key, err := keyOfToken(id)
	if err != nil {
		return Token{}, err
	}
	tenant, account, _ := strings.Cut(key, ".")
	if account != by.Account {
		t, err := d.Tenant(ctx, tenant)
		if err == nil {
			err = by.manages(&t)
		}
		if errors.Is(err, ErrNotOwner) {
			err = ErrUnknown
		}
		if err != nil {
			return Token{}, err
		}
	}
	var revoked Token
	_, err = d.tokens.change(ctx, key, func(have *Tokens) (bool, error) {
		switch i := have.index(id); {
		case i >= 0:
			revoked = have.Tokens[i]
			have.Tokens = slices.Delete(have.Tokens, i, i+1)
			return true, nil
		case revoked.ID != "":
			return false, nil
		}
		return false, ErrUnknown
	})
	return revoked, err
}

// endTokens ends all tokens of an account in a tenant.
func (d *Directory) endTokens(ctx context.Context, tenant, account string) error {
	have, err := d.Tokens(ctx, tenant, account)
	if err != nil || have == nil {
		return err
	}
	return d.tokens.remove(ctx, tokensKey(tenant, account))
}
