-- +goose Up

-- Safe beside a release that knows none of this: it writes no such messages, and its rows say '' of what it doesn't know.

-- A store's transfer is told to its former owner, too, by whom alone no index would find it among all others' messages.
create index events_left on events ((facts ->> 'from'), seq) where type = 'transferred';

-- Whose a store was and is, of an entry about its transfer.
alter table audit
    add column before text not null default '',
    add column after  text not null default '';

-- +goose Down
alter table audit drop column before, drop column after;
drop index events_left;
