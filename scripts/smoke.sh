#!/usr/bin/env bash
# Creates a store, waits until it is Ready, asks for its passwords, orders something, deletes it and waits until it is gone.
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib.sh
source "$here/lib.sh"

id=
# A smoke test that fails in the middle leaves no store behind.
trap '[[ -z $id ]] || curl --silent --max-time 20 --request DELETE --output /dev/null "$API/stores/$id" || true' EXIT

store=$(ask POST /stores '{"name":"Smoke test","engine":"sample"}')
id=$(field id "$store") || die "an answer without an id: $store"
say "store $id:"
await "$id" Ready "${PATIENCE:-1800}"

url=$(field url "$(ask GET "/stores/$id")") || die "the store is Ready and has no URL"
visit "$url/" --output /dev/null || die "the shop doesn't answer at $url"
say "the shop answers at $url"

field password "$(ask GET "/stores/$id/credentials")" >/dev/null || die "the store has no password"
say "the store has a password"

"$here/order.sh" "$id"

ask DELETE "/stores/$id" >/dev/null
await "$id" Deleted "${PATIENCE:-300}"
if visit "$url/" --output /dev/null 2>/dev/null; then die "the shop of a deleted store answers at $url"; fi
# The history is a projection, and may be a moment behind the store.
deadline=$((SECONDS + ${PATIENCE:-300}))
while :; do
  events=$(ask GET "/stores/$id/events")
  [[ $events != *'"deleted"'* ]] || break
  ((SECONDS < deadline)) || die "the history of a deleted store can't be read: $events"
  sleep 1
done
id=
say "gone, and its history can still be read"
