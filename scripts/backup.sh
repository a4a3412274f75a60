#!/usr/bin/env bash
# Backs the log of the `make up` that runs here up: backup.sh [take|list]. To ./backups, or wherever BACKUP_URL says,
# encrypted with what BACKUP_KEYS says, or backups.key, which is made up the first time. Nothing is restored under
# `make up`, whose gateway makes a log before anybody could, and `make down` forgets the id that backups are found under:
# "Backup and restore" in the README says what they are good for then.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

state=${STATE_DIR:-.local}
[[ -e $state/endpoints.json ]] || die "nothing runs here: make up comes first"
NATS_URL=$(field broker "$(<"$state/endpoints.json")") || die "$state/endpoints.json names no broker"
NATS_PASSWORD=$(field backup "$(<"$state/installation.json")") || die "make up is older than backups: start it again"
INSTALLATION=$(field installation "$(<"$state/installation.json")") || die "$state/installation.json names no installation"

umask 077
# Beside the state, which `make down` removes, and not in it: backups stay.
if [[ -z ${BACKUP_KEYS:-} ]]; then
  [[ -s backups.key ]] || { password >backups.key; say "made backups.key: without it no backup can be restored" >&2; }
  BACKUP_KEYS=$(<backups.key)
fi
[[ -n ${BACKUP_URL:-} ]] || { mkdir -p backups; BACKUP_URL="file://$PWD/backups?no_tmp_dir=true"; }
export NATS_URL NATS_PASSWORD BACKUP_KEYS BACKUP_URL INSTALLATION NATS_USER=backup GOWORK=off CGO_ENABLED=0
cd services/backup
exec go run -trimpath ./cmd/store-backup "${@:-take}"
