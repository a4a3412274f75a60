package bench

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// fleet is an API server without nodes with stores that stand there, the log that tells of them, and one server for all shops.
type fleet struct {
	*bus
	shops *shops
	ids   []store.ID
	// state is the API server's folder: always the same one, since names of it stand in what it holds.
	state string
	// server is the API server, or its etcd alone.
	server *parts.Process
	api    *platform.Kubernetes
}

// installationOfFleet is on everything that stands.
const installationOfFleet = "bench"

// fleetOf answers one of so many stores, whose API server and broker run. They are made once per machine and release.
func (b *bench) fleetOf(size int) *fleet {
	b.Helper()
	f := b.emptyFleet(size)
	kept := b.kept(size)
	if _, err := os.Stat(kept); err != nil {
		b.Logf("making %d stores that stand (once per machine, while nothing changes that they are made of)", size)
		f.make(kept)
	}
	f.thaw(kept)
	f.run(whileMeasuring)
	f.runAPI(few)
	return f
}

// emptyFleet answers one of which nothing stands or runs.
func (b *bench) emptyFleet(size int) *fleet {
	b.Helper()
	f := &fleet{bus: b.newBus(), shops: b.openShops(), state: b.path("standing")}
	for n := range size {
		f.ids = append(f.ids, store.DeriveID(installationOfFleet, fmt.Sprint(n)))
	}
	f.Monitor = b.freeAddress()
	b.must("remove an older API server's folder", os.RemoveAll(f.state))
	b.must("make the API server's folder", os.MkdirAll(f.state, keysMode))
	b.Cleanup(func() { _ = os.RemoveAll(f.state) })
	return f
}

func (f *fleet) stop() {
	f.stopAPI()
	f.process.Stop(syscall.SIGTERM, stopPatience)
	f.process = nil
}

func (f *fleet) stopAPI() {
	f.server.Stop(syscall.SIGTERM, stopPatience)
	f.server = nil
}

// runAPI starts the API server, with words of more for the program.
func (f *fleet) runAPI(more ...string) {
	f.b.Helper()
	server, kubeconfig := f.b.apiServer(f.state, more...)
	api, err := platform.OpenKubernetes(kubeconfig)
	f.b.must("open the API server", err)
	f.server, f.api = server, api
	f.b.must("give the workers their rights", f.api.ApplyAccess(f.b.ctx, f.b.repo))
}

// few are the controllers that tell of a store's pods. The others would ask more of the API server than whoever is measured
// there: quotas alone are counted anew every few seconds.
const few = "--controllers=deployment-controller,replicaset-controller"

// apiServer runs deploy/local's API server, or with words of more a part of it, and answers what it prints once that is up.
func (b *bench) apiServer(state string, more ...string) (p *parts.Process, printed string) {
	b.Helper()
	command := exec.Command(b.program("apiserver"), append([]string{"--state", state}, more...)...)
	command.Dir, command.Env = b.repo, parts.Environment()
	output, err := command.StdoutPipe()
	b.must("start the API server", err)
	p = b.start("apiserver", command)
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		b.Fatalf("start the API server: %w\n%s", err, p.Tail())
	}
	return p, strings.TrimSpace(line)
}

// hand prepares a provisioner with settings of a row's own, and says where it tells how it is.
func (f *fleet) hand(kubeconfig []byte, settings ...string) (command *exec.Cmd, ops string) {
	f.b.Helper()
	path := filepath.Join(f.dir, "provisioner.kubeconfig")
	f.b.must("write a kubeconfig", os.WriteFile(path, kubeconfig, 0o600))
	listen := f.b.freeAddress()
	return f.service("provisioner", append(settings, "KUBECONFIG="+path, "INSTALLATION="+installationOfFleet, "INGRESS_CLASS_NAME=local",
		"INGRESS_ADDR="+f.shops.address, "OPS_LISTEN="+listen)...), "http://" + listen
}

// address is the API server's.
func (f *fleet) address() string { return strings.TrimPrefix(f.api.Server, "https://") }

// kubeconfig leads provisioners to the API server.
func (f *fleet) kubeconfig() []byte {
	f.b.Helper()
	return f.kubeconfigBy(f.address())
}

// kubeconfigBy leads them there by an address of something before it.
func (f *fleet) kubeconfigBy(address string) []byte {
	f.b.Helper()
	kubeconfig, err := f.api.KubeconfigOf(f.b.ctx, "store-provisioner", address)
	f.b.must("make a kubeconfig", err)
	return kubeconfig
}

// openLog opens the log as the fleet's gateway would.
func (f *fleet) openLog() *storelog.Log {
	f.b.Helper()
	nc := f.connect("gateway")
	f.b.must("make the log", storelog.Ensure(f.b.ctx, nc, storelog.Settings{Replicas: 1, Installation: installationOfFleet, Raise: true}))
	log, err := storelog.Open(f.b.ctx, nc)
	f.b.must("open the log", err)
	return log
}

// readLog opens the log as who may read it whole.
func (f *fleet) readLog() *storelog.Log {
	f.b.Helper()
	log, err := storelog.Open(f.b.ctx, f.connect("events"))
	f.b.must("open the log", err)
	return log
}

// makeFirst has a provisioner make the first store.
func (f *fleet) makeFirst() {
	f.b.Helper()
	log, id := f.openLog(), f.ids[0]
	command, ops := f.hand(f.kubeconfig())
	p := f.b.start("provisioner", command)
	f.b.await("reach the provisioner", p, startPatience, func() error { return parts.Answers(f.b.ctx, ops+"/readyz") })
	_, err := log.Append(f.b.ctx, store.State{}, create(openTenant, id, 0))
	f.b.must("ask for a store", err)
	f.b.await("make the first store", p, workPatience, func() error {
		if err := f.runPods(id); err != nil {
			return err
		}
		s, err := log.Last(f.b.ctx, id)
		if err == nil && s.Status != store.Ready {
			err = fmt.Errorf("it is %s: %s %s", s.Status, s.Message, s.Detail)
		}
		return err
	})
	p.Stop(syscall.SIGTERM, stopPatience)
}

// pod is as much of one as is told.
type pod struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Containers []struct {
			Name  string `json:"name"`
			Image string `json:"image"`
		} `json:"containers"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

func (f *fleet) pods(id store.ID) ([]pod, error) {
	var list struct {
		Items []pod `json:"items"`
	}
	path := "/api/v1/namespaces/" + id.Namespace() + "/pods"
	if status, err := f.api.Do(f.b.ctx, http.MethodGet, path, nil, &list); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("list the pods of %s: %d %w", id, status, err)
	}
	return list.Items, nil
}

// runPods says what a kubelet would say of pods that it has started.
func (f *fleet) runPods(id store.ID) error {
	pods, err := f.pods(id)
	for _, p := range pods {
		if err == nil && p.Status.Phase != "Running" {
			err = f.tellPod(id, p, true)
		}
	}
	return err
}

// tellPod says what a kubelet would: that a pod serves, or that its container ended and is waited with.
func (f *fleet) tellPod(id store.ID, p pod, serves bool) error {
	now, state, word := "2026-01-01T00:00:00Z", map[string]any{}, "False"
	state["waiting"] = map[string]any{"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
	if serves {
		state, word = map[string]any{"running": map[string]any{"startedAt": now}}, "True"
	}
	var containers []any
	for _, c := range p.Spec.Containers {
		containers = append(containers, map[string]any{
			"name": c.Name, "image": c.Image, "imageID": c.Image, "ready": serves, "started": serves, "restartCount": 0, "state": state,
		})
	}
	condition := func(kind string) any { return map[string]any{"type": kind, "status": word, "lastTransitionTime": now} }
	path := "/api/v1/namespaces/" + id.Namespace() + "/pods/" + p.Metadata.Name + "/status"
	status, err := f.api.Do(f.b.ctx, http.MethodPatch, path, map[string]any{"status": map[string]any{
		"phase": "Running", "containerStatuses": containers, "conditions": []any{condition("Ready"), condition("ContainersReady")},
	}}, nil)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("tell of pod %s of %s: %d %w", p.Metadata.Name, id, status, err)
	}
	return nil
}
