-- +goose Up

-- How far somebody has come who fills the newest tables, so that the next one goes on there. The row is there as long as that goes on, and
-- is of use while it is at the checkpoint: only who knows the newest tables moves it along. It changes no table of before.
create table filling (
    only_row boolean primary key default true check (only_row),
    epoch    text   not null,
    seq      bigint not null,
    -- Filled are the stores whose version is beyond since, up to after.
    since    bigint not null,
    after    text   not null,
    -- The store that is taken by pieces, as it has too long a history to be taken at once, and the message up to which it has been.
    part     text   not null,
    upto     bigint not null
);

-- +goose Down
drop table filling;
