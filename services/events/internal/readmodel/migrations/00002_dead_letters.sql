-- +goose Up

-- The command that waits for an operator, by its generation: store.State.DeadLetter, said in SQL. It is worked out here
-- so that it is right for rows that an older version of this service has written, or still writes beside a newer one.
-- Postgres takes nothing out of a document that holds a NUL, which the cluster's own words may.
alter table stores add column dead bigint generated always as (
    case
        when status not in ('Failed', 'Deleting') then null
        when coalesce(replace(state::text, '\u0000', '\ufffd')::json ->> 'discarded', '') <> '' then null
        when status = 'Failed' or (replace(state::text, '\u0000', '\ufffd')::json ->> 'attempt')::int >= 5
            then (replace(state::text, '\u0000', '\ufffd')::json ->> 'generation')::bigint
    end
) stored;
create index stores_dead on stores (dead) where dead is not null;

-- When the broker stored the message, and why an operator has put it away. Rows of an older version don't say when.
alter table set_aside
    add column at timestamptz,
    add column discarded text,
    add column store text generated always as (split_part(subject, '.', 2)) stored;

-- Up to where the read model is being made anew: until the checkpoint is there, what it holds isn't the whole truth.
alter table checkpoint add column rebuilding bigint not null default 0;

-- +goose Down
alter table checkpoint drop column rebuilding;
alter table set_aside drop column store, drop column discarded, drop column at;
alter table stores drop column dead;
