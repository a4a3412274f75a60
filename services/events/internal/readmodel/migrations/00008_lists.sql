-- +goose Up

-- Safe beside a release of this service that knows no stores_4: these stand behind its tables, as stores_4 does, and are filled
-- along with it by who knows them. Where one has run on these tables after this that knows stores_4 without these, which no
-- release does, `store-events rebuild` puts them right.

-- What stores are listed by, one narrow row each: what nobody filters or orders by changes with every message of a store, and must neither be written
-- into these indexes nor read by who counts. A store that nobody asked for (status '') has none. Each index is in the order of a list, so that a page of it is
-- as many rows as it shows; of several statuses each goes by its own.
create table listed (
    id     text   primary key,
    opened bigint not null,
    tenant text   not null,
    status text   not null,
    engine text   not null,
    plan   text   not null,
    -- The name without case and accents, cut to what an index holds. In this collation two servers, and two releases of
    -- the system below them, order it alike.
    sorted text collate "C" not null,
    -- What is searched: name and id without case and accents.
    text   text   not null
);
create index listed_by_opened on listed (opened);
create index listed_undeleted on listed (opened) where status <> 'Deleted';
create index listed_by_tenant on listed (tenant, opened);
create index listed_by_tenant_name on listed (tenant, sorted, opened);
create index listed_by_status on listed (status, opened);
create index listed_by_engine on listed (engine, opened) where status <> 'Deleted';
create index listed_by_plan on listed (plan, opened) where status <> 'Deleted';
create index listed_by_name on listed (sorted, opened);

-- All that one, two or three characters in a row make of the searched text, for an index. The projector takes it apart: pg_trgm
-- would do so, too, but not every server has it, and not every role may create it. Apart from listed, since a name hardly ever
-- changes, and an index of these is dear to write.
create table listed_grams (
    id    text   primary key,
    grams text[] not null
);
-- No pending list: a search would read all of it.
create index listed_by_grams on listed_grams using gin (grams) with (fastupdate = off);

-- How many of listed there are, since counting them all takes as long as there are many. Those of tenant '', which nobody
-- is, are everybody's.
create table listed_counts (
    tenant text   not null,
    engine text   not null,
    plan   text   not null,
    status text   not null,
    stores bigint not null,
    primary key (tenant, engine, plan, status)
);

update shadow set epoch = '', seq = 0;

-- +goose Down
drop table listed_counts, listed_grams, listed;
