-- The platform's page in a shop's database, read and written by platform/database.js.
create schema platform;
create table platform.state (
  one boolean primary key default true check (one),
  version text not null,
  setup jsonb
);
insert into platform.state (version) values (:'version');
