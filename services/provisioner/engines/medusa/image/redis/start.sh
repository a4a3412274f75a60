#!/bin/sh
# Starts a store's Redis. Events that wait in it are work to be done, so they are written down and never thrown out to make
# room. The password comes by standard input: arguments are everybody's to read.
set -eu

exec redis-server - <<CONF
bind * -::*
protected-mode yes
requirepass $(cat "${REDIS_PASSWORD_FILE:?}")
dir /data
save ""
appendonly yes
appendfsync everysec
maxmemory ${REDIS_MAX_MEMORY:?}
maxmemory-policy noeviction
CONF
