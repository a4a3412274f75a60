-- +goose Up

-- As of 00008: it stands behind the tables of before and is filled along with the newest, of what these hold of events.

-- What stores took of the platform and when: a span from the message that began it (seq) to the one that ended it. Rows are of stores
-- that have data; runs says that the store stood as well. A span that goes on ends never.
create table usage (
    store   text        not null,
    seq     bigint      not null,
    tenant  text        not null,
    engine  text        not null,
    version text        not null,
    plan    text        not null,
    runs    boolean     not null,
    began   timestamptz not null,
    ended   timestamptz not null default 'infinity',
    primary key (store, seq)
);
-- A month is what began before its end and ended behind its beginning. What goes on, which is most of it, is at the end of both.
create index usage_by_tenant on usage (tenant, ended);
create index usage_by_end on usage (ended);

update shadow set epoch = '', seq = 0;

-- +goose Down
drop table usage;
