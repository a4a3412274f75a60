#!/usr/bin/env bash
# From nothing to the chart in a cluster on this machine: builds the images of the programs and of the sample engine with Docker,
# loads them into the cluster's nodes, installs deploy/k8s with values-local.yaml and waits until the gateway answers. It may be run again,
# to go on where it ended or to upgrade to another version; pods of the same version go on with the images that they began with.
# usage: k3s-install.sh [options of helm upgrade, such as --set gateway.maxStores=5]
#
#   KUBE_CONTEXT  a cluster of kind (kind-name) or k3d (k3d-name) that is there; without it this machine's k3s, which is
#                 downloaded from get.k3s.io and installed where there is none, and wants root
#   NAMESPACE     of the platform (store-platform)
#   PATIENCE      seconds that any wait may take
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

namespace=${NAMESPACE:-store-platform}
context=${KUBE_CONTEXT:-}
version=$(sed -n 's/^appVersion: //p' deploy/k8s/Chart.yaml)
k3s_version=v1.34.1+k3s1
engine="store-platform/engine-sample:1.0.0"

need() { command -v "$1" >/dev/null || die "$1 is missing: $2"; }
# k COMMAND …: kubectl, in the cluster that this is about.
k() { kubectl ${context:+--context "$context"} --namespace "$namespace" "$@"; }

# load IMAGE …: into the cluster's nodes.
load() {
  case $context in
    kind-*) kind load docker-image --name "${context#kind-}" "$@" ;;
    k3d-*) k3d image import --cluster "${context#k3d-}" "$@" ;;
    *) docker save "$@" | k3s ctr images import - ;;
  esac
}

case $context in
  '') ;;
  kind-* | k3d-*) need "${context%%-*}" "images are loaded into $context with it" ;;
  *) die "no way for images into $context: it is neither kind's nor k3d's, and wants a registry (README, Production)" ;;
esac
need docker "the images are built with it"
need helm "the chart is installed with it (https://helm.sh/docs/intro/install)"
need curl "it asks whether the gateway answers"
values=(--values deploy/k8s/values-local.yaml)
if [[ -z $context ]]; then
  if ! command -v k3s >/dev/null; then
    [[ $EUID == 0 ]] || die "k3s is installed by root"
    say "installing k3s $k3s_version"
    curl --fail --silent --show-error --location https://get.k3s.io | INSTALL_K3S_VERSION=$k3s_version sh -s - || die "k3s can't be installed"
  fi
  # Whatever else the shell names is another cluster, and images are loaded into this one.
  export KUBECONFIG=/etc/rancher/k3s/k3s.yaml
  # A cluster of kind's or k3d's has no way in for stores that this could know of: there they get no route.
  values+=(--set baseDomain=localhost --set ingress.className=traefik --set ingress.namespace=kube-system
    --set ingress.address=traefik.kube-system.svc:80)
fi
need kubectl "the cluster is asked by it"

# Docker before 23 has to be told.
export DOCKER_BUILDKIT=1
images=()
for program in backup events gateway janitor provisioner; do
  say "building store-platform/$program:$version"
  docker build --quiet --target "$program" --build-arg "VERSION=$version" --tag "store-platform/$program:$version" . >/dev/null
  images+=("store-platform/$program:$version")
done
say "building $engine"
docker build --quiet --tag "$engine" services/provisioner/engines/sample/image >/dev/null
say "loading them into ${context:-k3s}"
load "${images[@]}" "$engine"

helm upgrade --install store-platform deploy/k8s ${context:+--kube-context "$context"} --namespace "$namespace" --create-namespace \
  "${values[@]}" "$@"
workloads=$(k get deployment,statefulset --selector app.kubernetes.io/instance=store-platform --output name)
for workload in $workloads; do
  k rollout status "$workload" --timeout "${PATIENCE:-600}s"
done

# A port of the kernel's choosing, which the first line says. Not by k: what ended then would be its shell alone.
forwarded=$(mktemp)
kubectl ${context:+--context "$context"} --namespace "$namespace" port-forward service/store-platform-gateway :80 >"$forwarded" &
forwarder=$!
trap 'kill "$forwarder" 2>/dev/null || true; rm -f "$forwarded"' EXIT
deadline=$((SECONDS + ${PATIENCE:-600}))
until [[ $(<"$forwarded") =~ 127\.0\.0\.1:([0-9]+) ]] && curl --silent --fail --output /dev/null --max-time 5 "http://127.0.0.1:${BASH_REMATCH[1]}/readyz"; do
  ((SECONDS < deadline)) || die "the gateway doesn't answer"
  sleep 1
done
cat <<END

The gateway answers. Page and API are at http://127.0.0.1:8080 while this runs (scripts/demo.sh makes the first store, where stores have a route):

  kubectl ${context:+--context $context }--namespace $namespace port-forward service/store-platform-gateway 8080:80
END
