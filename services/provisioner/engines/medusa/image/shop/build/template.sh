#!/bin/sh
# Makes the file $1, the tables of an empty shop: migrating takes a quarter of a minute, which no merchant should wait for.
# Then it opens a shop with it, on what is left of node_modules. Runs as an unprivileged user, whose PostgreSQL ends with it.
set -eu

. build/environment.sh
scratch=$(mktemp -d)
trap 'pg_ctl -D "$scratch/data" -m immediate stop > /dev/null 2>&1 || true; rm -rf "$scratch"' EXIT

initdb --pgdata="$scratch/data" --username=shop --auth=trust --encoding=UTF8 --locale=C.UTF-8 > /dev/null
options="-c listen_addresses=127.0.0.1 -c port=$DATABASE_PORT -c unix_socket_directories=$scratch -c fsync=off -c jit=off"
pg_ctl -D "$scratch/data" -w -l "$scratch/log" -o "$options" start > /dev/null
export PGHOST="$scratch" PGUSER=shop PGPORT="$DATABASE_PORT"

createdb "$DATABASE_NAME"
node node_modules/@medusajs/cli/cli.js db:migrate --execute-safe-links
# The command ends with 0 when the scripts after the tables have failed.
unfinished=$(psql -qAt "$DATABASE_NAME" -c 'select count(*) from script_migrations where finished_at is null')
holds=$(psql -qAt "$DATABASE_NAME" -c 'select (select count(*) from api_key) + (select count(*) from "user") + (select count(*) from auth_identity)')
if [ "$unfinished" != 0 ] || [ "$holds" != 0 ]; then
  echo "the template is no template: $unfinished scripts unfinished, $holds keys and people in it" >&2
  exit 1
fi
psql -q -v ON_ERROR_STOP=1 "$DATABASE_NAME" -v version="$(node -p 'require("@medusajs/medusa/package.json").version')" \
  -f build/state.sql
# psql's own commands are taken out: a driver restores it.
pg_dump --no-owner --no-privileges --no-comments --inserts --rows-per-insert=500 "$DATABASE_NAME" \
  | sed '/^\\/d; /^--/d; /^$/d' > "$1"
export TEMPLATE="$1"

createdb rehearsal
export DATABASE_NAME=rehearsal
node platform/prepare.js
node platform/set-up.js
# A process that is killed leaves goods and delivery without their prices, and the next one finds them so.
psql -q -v ON_ERROR_STOP=1 "$DATABASE_NAME" -c 'delete from price' -c 'update platform.state set setup = null'
node platform/set-up.js
node build/rehearsal.js
