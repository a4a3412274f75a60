#!/bin/sh
# fetch.sh URL FILE: fetches, and ends with 10 when the other side can't be reached at all. That a file isn't there, or
# isn't what it should be, is another matter: the caller must not go on without it then.
set -eu

code=0
curl --fail --silent --show-error --location --retry 3 --retry-delay 2 --connect-timeout 15 --output "$2" "$1" || code=$?
case $code in
0) ;;
# No proxy, no name, no connection, too late, no TLS to begin with, cut.
5 | 6 | 7 | 28 | 35 | 56) exit 10 ;;
*) exit 1 ;;
esac
