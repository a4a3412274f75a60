# shellcheck shell=bash
# What the scripts share: asking the API with curl alone, reading single fields of its answers, and making passwords up.
# Sourced, never run.
#
#   STORE_API      where page and API are (http://127.0.0.1:8080)
#   ADMIN_API_KEY  the gateway's, where one is set: passwords are told to its holder only
#   STORE_DOOR     host:port to reach stores at, when their names don't resolve to it (for *.localhost: 127.0.0.1)
#   PATIENCE       seconds that any wait may take

API=${STORE_API:-http://127.0.0.1:8080}

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# password makes one up. nats-server reads a bare value of digits as a number: a letter goes first.
password() { printf 'p%s' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"; }

# ask METHOD PATH [BODY]: prints the answer; ends the script with the server's own words when it isn't 2xx. A read is asked
# again while who would answer is away (503). A write isn't: what was done and not told would be done twice. The key goes by
# standard input: what stands in a command line can be read by every user of the machine.
ask() {
  local method=$1 path=$2 deadline=$((SECONDS + ${PATIENCE:-300})) answer code key=${ADMIN_API_KEY:-}
  shift 2
  # As curl's file of settings takes it.
  key=${key//\\/\\\\} key=${key//\"/\\\"}
  while :; do
    answer=$(curl --silent --show-error --max-time 20 --request "$method" --write-out '\n%{http_code}' \
      --header 'Content-Type: application/json' ${1:+--data "$1"} ${ADMIN_API_KEY:+--config -} \
      "$API$path" <<<"header = \"X-Api-Key: $key\"") || die "$method $path: ${answer%$'\n'*}"
    code=${answer##*$'\n'} answer=${answer%$'\n'*}
    [[ $code != 2?? ]] || break
    if [[ $method != GET || $code != 503 ]] || ((SECONDS >= deadline)); then die "$method $path: $answer"; fi
    sleep 1
  done
  printf '%s' "$answer"
}

# field NAME JSON: the first text of that name.
field() {
  [[ $2 =~ \"$1\"[[:space:]]*:[[:space:]]*\"([^\"]*)\" ]] || return 1
  printf '%s' "${BASH_REMATCH[1]}"
}

# steps STORE: those that the running operation has completed, comma-separated.
steps() {
  [[ $1 =~ \"steps\"[[:space:]]*:[[:space:]]*\[([^]]*)\] ]] && printf '%s' "${BASH_REMATCH[1]//\"/}"
}

# await STORE STATUS SECONDS: prints each change on the way; ends the script when the store fails or time is up.
await() {
  local id=$1 wanted=$2 deadline=$((SECONDS + $3)) store status line told=
  while :; do
    store=$(ask GET "/stores/$id")
    status=$(field status "$store") || die "an answer without a status: $store"
    line="  $status  $(steps "$store")  $(field message "$store" || true)"
    [[ $line == "$told" ]] || say "$line"
    told=$line
    [[ $status != "$wanted" ]] || return 0
    [[ $status != Failed ]] || die "store $id failed: $(field reason "$store" || true) $(field detail "$store" || true)"
    ((SECONDS < deadline)) || die "store $id is $status after $3 s, not $wanted"
    sleep 1
  done
}

# visit URL [curl's options]: asks a store, whatever the resolver thinks of its name.
visit() {
  local url=$1 host port door=${STORE_DOOR:-}
  shift
  host=${url#*://} && host=${host%%/*}
  port=80
  [[ $url != https://* ]] || port=443
  [[ $host != *:* ]] || { port=${host##*:}; host=${host%:*}; }
  [[ -n $door || $host != *.localhost ]] || door=127.0.0.1:$port
  curl --silent --show-error --fail-with-body --max-time 20 ${door:+--connect-to "$host:$port:$door"} "$@" "$url"
}
