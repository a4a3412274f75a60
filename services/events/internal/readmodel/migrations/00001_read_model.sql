-- Everything here is derived from the log and can be dropped and made again from it.

-- +goose Up

-- How far the log has been projected, and which log that was.
create table checkpoint (
    only_row boolean primary key default true check (only_row),
    epoch    text   not null,
    seq      bigint not null
);

-- One row a message. facts and state are json, not jsonb: they are kept as written and never searched.
create table events (
    seq        bigint      primary key,
    store      text        not null,
    tenant     text        not null,
    type       text        not null,
    at         timestamptz not null,
    actor      text        not null,
    generation bigint      not null,
    facts      json        not null,
    state      json        not null
);
create index events_by_store on events (store, seq);
create index events_by_tenant on events (tenant, seq);

-- One row a store, deleted ones too. opened is the sequence of its first message: lists are ordered by it, because it
-- never changes and no two stores share one. Room in the pages keeps updates out of the indexes.
create table stores (
    id      text   primary key,
    opened  bigint not null,
    version bigint not null,
    tenant  text   not null,
    name    text   not null,
    engine  text   not null,
    status  text   not null,
    state   json   not null
) with (fillfactor = 70);
create unique index stores_by_opened on stores (opened);
create index stores_by_tenant on stores (tenant, opened);

-- Messages that can't be projected. They stop nothing else and wait for somebody to look at them.
create table set_aside (
    seq     bigint primary key,
    subject text   not null,
    error   text   not null,
    data    bytea  not null
);

-- +goose Down
drop table set_aside, stores, events, checkpoint;
