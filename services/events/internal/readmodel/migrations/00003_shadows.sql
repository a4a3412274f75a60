-- +goose Up

-- What an older version of this service keeps is left as it is, for it may run beside this one, or come back: nothing here
-- changes a table of before, or waits for one. These stand behind them, are filled from them by whoever projects and knows
-- them, and are read as soon as they are as far as the checkpoint.
create table shadow (
    only_row boolean primary key default true check (only_row),
    -- How far stores_4 and dead_letters are, and in which log; an older projector moves the checkpoint alone.
    epoch    text   not null,
    seq      bigint not null
);
insert into shadow (epoch, seq) values ('', 0);

-- stores, with what schema 4 of the state knows.
create table stores_4 (
    id       text   primary key,
    opened   bigint not null,
    version  bigint not null,
    tenant   text   not null,
    name     text   not null,
    engine   text   not null,
    status   text   not null,
    standing text   not null,
    state    json   not null
) with (fillfactor = 70);
-- Not unique: while it is filled, a store may have been opened where it was heard of first.
create index stores_4_by_opened on stores_4 (opened);
create index stores_4_by_tenant on stores_4 (tenant, opened);

-- What waits for an operator, as it is shown: a store may have several. seq is the command's.
create table dead_letters (
    seq    bigint primary key,
    store  text   not null,
    tenant text   not null,
    kind   text   not null,
    letter json   not null
);
create index dead_letters_by_store on dead_letters (store);
create index dead_letters_by_tenant on dead_letters (tenant, seq);

-- +goose Down
drop table dead_letters, stores_4, shadow;
