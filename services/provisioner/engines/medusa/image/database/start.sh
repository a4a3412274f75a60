#!/bin/sh
# Starts a store's PostgreSQL with the settings given as arguments, and makes its data folder the first time. The folder
# gets its name only when it is complete, so that a container killed meanwhile begins again.
#
# Nobody can sign in as the superuser from elsewhere: it has no password, and the network is open to one role and its one
# database. In this container it needs none, which is how backups are made.
set -eu

data=/data/postgresql-15
name=${DATABASE_NAME:?} user=${DATABASE_USER:?}

if [ ! -d "$data" ]; then
  rm -rf /data/new
  initdb --pgdata=/data/new --username=postgres --auth-local=peer --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --no-instructions > /dev/null
  {
    echo "host $name $user 0.0.0.0/0 scram-sha-256"
    echo "host $name $user ::/0 scram-sha-256"
  } >> /data/new/pg_hba.conf
  # The password is of letters and digits and ends in the catalogue as its verifier only.
  postgres --single -D /data/new postgres > /dev/null <<SQL
create role "$user" login password '$(cat "${DATABASE_PASSWORD_FILE:?}")'
create database "$name" owner "$user"
SQL
  sync
  mv /data/new "$data"
fi

# A cluster may give the volume's folders to its group, and PostgreSQL refuses to start on one that others can write to.
chmod 0700 "$data"

exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql -c jit=off "$@"
