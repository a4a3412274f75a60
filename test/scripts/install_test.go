package scripts_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// standIn notes what it is called with. Its own name in FAILS is the start of what it refuses.
const standIn = `#!/bin/sh
said="${0##*/} $*"
echo "$said" >>"$NOTES"
case "$said" in ${FAILS:-nothing}*) exit 3 ;; esac
case "$said" in
"curl "*get.k3s.io*) echo 'cp "$STANDINS/kubectl" "$STANDINS/k3s"; echo "get.k3s.io $INSTALL_K3S_VERSION" >>"$NOTES"' ;;
*"get deployment,statefulset"*) echo deployment.apps/store-platform-gateway ;;
*port-forward*) echo "Forwarding from 127.0.0.1:4711 -> 8080"; exec sleep 600 ;;
"k3s "*) cat >/dev/null ;;
"helm "*) echo "by $KUBECONFIG" >>"$NOTES" ;;
esac
`

// install runs k3s-install.sh where the tools that it calls are stand-ins, and answers its exit code, what it said and what it called.
// What the chart does in a cluster is none of this: that is shown where one is.
func install(t *testing.T, settings ...string) (code int, said string, called []string) {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	notes := filepath.Join(folder, "notes")
	for _, tool := range []string{"docker", "helm", "kubectl", "kind", "k3d", "curl"} {
		if err := os.WriteFile(filepath.Join(folder, tool), []byte(standIn), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Nothing else of this machine's is found, such as a k3s.
	for _, tool := range []string{"bash", "sh", "cat", "cp", "dirname", "mktemp", "rm", "sed", "sleep"} {
		path, err := exec.LookPath(tool)
		if err == nil {
			err = os.Symlink(path, filepath.Join(folder, tool))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "bash", filepath.Join("scripts", "k3s-install.sh"), "--set", "gateway.maxStores=5")
	command.Dir = root
	command.Env = append(slices.Concat(os.Environ(), settings), "PATH="+folder, "NAMESPACE=", "STANDINS="+folder, "NOTES="+notes, "PATIENCE=1")
	// What it has started and left holds what it says open.
	command.WaitDelay = waittest.Patience() / 10
	output, err := command.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %s", err, output)
	}
	data, err := os.ReadFile(notes)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(output), strings.Split(strings.TrimSpace(string(data)), "\n")
}

const images = "store-platform/backup:0.1.0 store-platform/events:0.1.0 store-platform/gateway:0.1.0 store-platform/janitor:0.1.0 " +
	"store-platform/provisioner:0.1.0 store-platform/engine-sample:1.0.0"

func TestFromNothingToTheChartEachStepComesInItsTurn(t *testing.T) {
	t.Parallel()
	for context, steps := range map[string][]string{
		"": {
			"curl --fail --silent --show-error --location https://get.k3s.io", "get.k3s.io v1.34.1+k3s1", "docker build --quiet --target backup",
			"docker build --quiet --tag store-platform/engine-sample:1.0.0", "k3s ctr images import -",
			"helm upgrade --install store-platform deploy/k8s --namespace store-platform", "by /etc/rancher/k3s/k3s.yaml", "kubectl --namespace store-platform rollout status deployment",
			"kubectl --namespace store-platform port-forward", "curl --silent --fail --output /dev/null --max-time 5 http://127.0.0.1:4711/readyz",
		},
		"kind-shops": {
			"docker build --quiet --target backup", "kind load docker-image --name shops " + images,
			"helm upgrade --install store-platform deploy/k8s --kube-context kind-shops", "kubectl --context kind-shops --namespace store-platform rollout",
		},
		"k3d-shops": {"k3d image import --cluster shops " + images, "helm upgrade --install store-platform deploy/k8s --kube-context k3d-shops"},
	} {
		if context == "" && os.Geteuid() != 0 {
			continue // it says so, and ends
		}
		code, said, called := install(t, "KUBE_CONTEXT="+context, "KUBECONFIG=/somebody/elses")
		at := 0
		for _, step := range steps {
			found := slices.IndexFunc(called[at:], func(call string) bool { return strings.HasPrefix(call, step) })
			if found < 0 {
				t.Fatalf("context %q: no %q in its turn among\n%s", context, step, strings.Join(called, "\n"))
			}
			at += found
		}
		helm := called[slices.IndexFunc(called, func(call string) bool { return strings.HasPrefix(call, "helm") })]
		if context == "" && !slices.Contains(called, "docker save "+images) {
			t.Errorf("what k3s was handed isn't %s:\n%s", images, strings.Join(called, "\n"))
		}
		if code != 0 || !strings.Contains(said, "The gateway answers") || !strings.HasSuffix(helm, "--set gateway.maxStores=5") {
			t.Errorf("context %q: it ended with %d after %q:\n%s", context, code, helm, said)
		}
	}
}

func TestFromNothingToTheChartNoStepIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, step := range []string{
		"docker build --quiet --target janitor", "docker build --quiet --tag", "kind load", "helm upgrade", "kubectl --context kind-shops --namespace store-platform get",
		"kubectl --context kind-shops --namespace store-platform rollout", "curl --silent",
	} {
		code, said, called := install(t, "KUBE_CONTEXT=kind-shops", "FAILS="+step)
		last := called[len(called)-1]
		if code == 0 || strings.Contains(said, "The gateway answers") || !strings.HasPrefix(last, step) {
			t.Errorf("%s fails, and it ended with %d after %q:\n%s", step, code, last, said)
		}
	}
	if code, said, called := install(t, "KUBE_CONTEXT=prod"); code != 1 || !strings.Contains(said, "no way for images into prod") || len(called) > 0 && called[0] != "" {
		t.Errorf("a cluster that it can't load images into: it ended with %d after %q:\n%s", code, called, said)
	}
}
