#!/usr/bin/env bash
# The first store by curl: creates one, waits until it is Ready and says where it is.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

say "POST $API/stores"
store=$(ask POST /stores "{\"name\":\"${1:-My first store}\",\"engine\":\"sample\"}")
id=$(field id "$store") || die "an answer without an id: $store"
say "store $id:"
await "$id" Ready "${PATIENCE:-1800}"

url=$(field url "$(ask GET "/stores/$id")") || die "the store is Ready and has no URL"
host=${url#*://} && host=${host%%/*}
visit "$url/" --output /dev/null || die "the shop doesn't answer"
cat <<END

Its shop answers at      $url
or, if your resolver doesn't know the name:
                         curl --header 'Host: $host' http://${STORE_DOOR:-127.0.0.1:${host##*:}}/
Its order list opens by  curl $API/stores/$id/credentials
Everything that happened curl $API/stores/$id/events
Delete it                curl --request DELETE $API/stores/$id
END
