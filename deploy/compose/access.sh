#!/bin/sh
# Runs once in a container beside k3s: gives the workers their identities, and each a kubeconfig that holds nothing else.
set -eu
namespace=store-platform
admin=/admin/kubeconfig.yaml
server=https://k3s:6443

tries=0
until [ -s "$admin" ] && kubectl --kubeconfig "$admin" --server "$server" get --raw /readyz >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 90 ] || { echo "k3s isn't ready after 3 minutes" >&2; exit 1; }
  sleep 2
done
k() { kubectl --kubeconfig "$admin" --server "$server" "$@"; }

# By force: what somebody has changed or applied otherwise is put back, instead of keeping the workers from ever starting.
apply() { k apply --server-side --force-conflicts -f -; }

k create namespace "$namespace" --dry-run=client -o yaml | apply
for file in /access/*.yaml; do
  sed "s/{{ .Release.Namespace }}/$namespace/g" "$file" | apply
done

ca=$(k config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}')
for worker in provisioner janitor; do
  token=$(k --namespace "$namespace" create token "store-$worker" --duration 8760h)
  umask 077
  cat >"/workers/$worker.new" <<KUBECONFIG
apiVersion: v1
kind: Config
clusters: [{name: k3s, cluster: {server: "$server", certificate-authority-data: "$ca"}}]
users: [{name: store-$worker, user: {token: "$token"}}]
contexts: [{name: k3s, context: {cluster: k3s, user: store-$worker}}]
current-context: k3s
KUBECONFIG
  chown 65532:65532 "/workers/$worker.new"
  mv "/workers/$worker.new" "/workers/$worker"
done
