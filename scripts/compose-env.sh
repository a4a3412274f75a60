#!/usr/bin/env bash
# Writes .env for `docker compose`, with passwords made up here and now. One that is there stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

[ ! -e .env ] || { echo ".env is there already"; exit 0; }

# nats-server reads a bare value of digits as a number: a letter goes first.
password() { printf 'p%s' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"; }

umask 077
for name in NATS_PASSWORD_GATEWAY NATS_PASSWORD_PROVISIONER NATS_PASSWORD_JANITOR NATS_PASSWORD_EVENTS POSTGRES_PASSWORD K3S_TOKEN; do
  printf '%s=%s\n' "$name" "$(password)"
done >.env.new
printf 'INSTALLATION=i%s\n' "$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')" >>.env.new
mv .env.new .env
echo "wrote .env"
