#!/usr/bin/env bash
# Writes .env for `docker compose`, with passwords made up here and now. What is there stays; what is new is added.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

umask 077
: >.env.new
[ ! -e .env ] || awk 1 .env >.env.new
# add NAME VALUE
add() { grep -q "^$1=" .env.new || printf '%s=%s\n' "$1" "$2" >>.env.new; }
for name in NATS_PASSWORD_GATEWAY NATS_PASSWORD_PROVISIONER NATS_PASSWORD_JANITOR NATS_PASSWORD_EVENTS NATS_PASSWORD_BACKUP \
  POSTGRES_PASSWORD K3S_TOKEN BACKUP_KEYS; do
  add "$name" "$(password)"
done
add INSTALLATION "i$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')"
mv .env.new .env
echo "wrote .env"
