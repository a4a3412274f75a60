-- +goose Up

-- Who looked at what, as the stream AUDIT told it. Unlike all else here it can't be made again: the stream forgets. So
-- a rebuild leaves it alone. The sequence is the stream's, and epoch tells that stream from another of its name; at is by
-- the broker's clock.
create table audit (
    epoch  text        not null,
    seq    bigint      not null,
    at     timestamptz not null,
    what   text        not null,
    tenant text        not null,
    store  text        not null,
    actor  text        not null,
    origin text        not null,
    primary key (epoch, seq)
);
create index audit_by_tenant on audit (tenant, at);
create index audit_by_age on audit (at);

-- How far each such stream has been read.
create table audit_checkpoint (
    epoch text   primary key,
    seq   bigint not null
);

-- +goose Down
drop table audit_checkpoint, audit;
