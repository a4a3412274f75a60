package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Restored is who was restored from a backup, as an operator is shown who decides whether to let them in.
type Restored struct {
	Waiting   bool      `json:"waiting" doc:"They wait: nobody is let in but who has come by an operator's link since the restore. Otherwise nothing was restored, or it is confirmed, and nothing else is said"`
	Operators []Account `json:"operators,omitempty" doc:"Accounts that would look after the platform again"`
	Accounts  int       `json:"accounts,omitempty" doc:"Who would be let in, those who are let in already among them"`
	Tenants   int       `json:"tenants,omitempty" doc:"Tenants that there would be again"`
	Members   int       `json:"members,omitempty" doc:"Memberships in all tenants"`
	Tokens    int       `json:"tokens,omitempty" doc:"API tokens that would work again"`
}

type restoredOutput struct{ Body Restored }

const aboutRestored = "Behind a restore from a backup whoever was removed since would be back, and so would tokens that were revoked. Until an operator has confirmed it " +
	"everybody is refused (403 `accounts_unconfirmed`), but who has come by a link of store-gateway operator-link since, and the holder of the admin key: they end first " +
	"what should have ended."

func (a *API) restored(routes router) {
	handle(routes, rights.ManageAccounts, huma.Operation{
		OperationID: "get-restored", Method: http.MethodGet, Path: "/accounts/restored", Tags: []string{"Operators"},
		Summary: "Who was restored from a backup and waits", Description: aboutRestored,
	}, a.getRestored)
	handle(routes, rights.ManageAccounts, huma.Operation{
		OperationID: "confirm-restored", Method: http.MethodPost, Path: "/accounts/restored/confirm", Tags: []string{"Operators"},
		Summary: "Let in who was restored from a backup", Description: "At every gateway, within seconds. Doing it twice is doing it once.",
		DefaultStatus: http.StatusNoContent,
	}, a.confirmRestored, ofAct)
}

func (a *API) getRestored(ctx context.Context, _ *struct{}) (*restoredOutput, error) {
	found, err := a.accounts.Restored(ctx)
	if err != nil {
		return nil, err
	}
	out := &restoredOutput{Body: Restored{
		Waiting: found.Waiting, Accounts: found.Accounts, Tenants: found.Tenants, Members: found.Members, Tokens: found.Tokens,
	}}
	for _, account := range found.Operators {
		out.Body.Operators = append(out.Body.Operators, a.seen(account))
	}
	return out, nil
}

func (a *API) confirmRestored(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, a.accounts.ConfirmRestored(ctx, principal.In(ctx).Actor())
}
