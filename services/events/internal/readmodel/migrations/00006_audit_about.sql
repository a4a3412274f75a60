-- +goose Up

-- What it was done to, where that isn't a store: the id of an account, a tenant, a token, an invite. A release before this one
-- goes on writing entries of stores alone.
alter table audit add column about text not null default '';

-- +goose Down
alter table audit drop column about;
