package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// cluster plays what a cluster without nodes lacks: a kubelet that says of each pod that it runs, and the way in to the
// shops. There answers whatever of a store runs and its Service selects: the shop, or the page of one that is suspended. It
// also looks on: it writes down each namespace that comes or goes, and each change of passwords.
type cluster struct {
	lab             *Lab
	api             *platform.Kubernetes
	door            string
	server          *http.Server
	spaces, secrets *record.Writer

	mu sync.Mutex
	// started counts the pods that have begun to, and nobody runs before gate is closed.
	started int
	gate    chan struct{}
	// pods are the components of the running ones by their names, routes the component that the Service selects, both by
	// namespace.
	pods   map[string]map[string]string
	routes map[string]string
	// foreign are the namespaces of others.
	foreign map[store.ID]bool
	// checked counts how often shops were asked for what they say themselves, ill are those that don't sell, both by namespace.
	checked map[string]int
	ill     map[string]bool
}

// slowestPod is how long a pod may take to run, paces how many different times they take, by turns. Where releases are mixed
// nobody is to meet a slow one, and each mixture waits for all.
const (
	slowestPod   = 2 * time.Second
	slowestMixed = slowestPod / 4
	paces        = 10
)

// installationLabel is on everything that the platform makes.
const installationLabel = "store-platform.io/installation"

func openCluster(ctx context.Context, l *Lab) (*cluster, error) {
	spaces, err := record.Create(filepath.Join(l.Folder, record.SpacesFile))
	if err != nil {
		return nil, err
	}
	secrets, err := record.Create(filepath.Join(l.Folder, record.SecretsFile))
	if err != nil {
		return nil, errors.Join(err, spaces.Close())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the shops: %w", err), spaces.Close(), secrets.Close())
	}
	c := &cluster{
		lab: l, api: l.api, door: listener.Addr().String(), spaces: spaces, secrets: secrets,
		gate: make(chan struct{}), pods: map[string]map[string]string{}, routes: map[string]string{}, foreign: map[store.ID]bool{},
		checked: map[string]int{}, ill: map[string]bool{},
	}
	close(c.gate)
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 5 * time.Second}
	l.running.Go(func() { _ = c.server.Serve(listener) })
	l.running.Go(func() { <-ctx.Done(); _ = c.server.Close() })
	l.running.Go(func() { c.watch(ctx, "pods", c.pod) })
	l.running.Go(func() { c.watch(ctx, "services", c.service) })
	l.running.Go(func() { c.watch(ctx, "namespaces", c.space) })
	l.running.Go(func() { c.watch(ctx, "secrets", c.secret) })
	return c, nil
}

// ServeHTTP is what each store's Service leads to.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	space, _, _ := strings.Cut(r.Host, ".")
	c.mu.Lock()
	answers := c.routes[space]
	there := slices.Contains(slices.Collect(maps.Values(c.pods[space])), answers)
	c.mu.Unlock()
	switch {
	case !there:
		http.Error(w, "no pod that the Service selects runs", http.StatusServiceUnavailable)
	case answers == page:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, engine.SuspendedMark)
	case r.URL.Path == checkPath:
		c.check(w, space)
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"ready":true}`)
	}
}

// componentLabel tells a store's pods apart; page is the component that answers for one that is suspended.
const (
	componentLabel = "app.kubernetes.io/component"
	page           = "suspended"
)

// object is as much of one as is looked at.
type object struct {
	Metadata struct {
		Name            string `json:"name"`
		Namespace       string `json:"namespace"`
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`

		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		Selector map[string]any `json:"selector"`
	} `json:"spec"`
	Data   map[string][]byte `json:"data"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

// watch hears of every object of the installation until ctx ends. An API server that is short of time refuses watches: only
// one that does so for too long is complained of.
func (c *cluster) watch(ctx context.Context, kind string, hear func(ctx context.Context, change string, o object)) {
	heard := time.Now()
	for ctx.Err() == nil {
		opened, err := c.watchOnce(ctx, kind, hear)
		switch {
		case opened:
			heard = time.Now()
		case ctx.Err() == nil && time.Since(heard) > waittest.Patience():
			c.lab.complain("watch %s: %v", kind, err)
			heard = time.Now()
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// watchOnce lists and watches until the watch ends, and says whether there was one.
func (c *cluster) watchOnce(ctx context.Context, kind string, hear func(context.Context, string, object)) (opened bool, err error) {
	path := "/api/v1/" + kind + "?labelSelector=" + url.QueryEscape(installationLabel+"="+c.lab.installation)
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []object `json:"items"`
	}
	if _, err := c.api.Do(ctx, http.MethodGet, path, nil, &list); err != nil {
		return false, err
	}
	for _, o := range list.Items {
		hear(ctx, "ADDED", o)
	}
	stream, err := c.api.Stream(ctx, path+"&watch=true&resourceVersion="+list.Metadata.ResourceVersion)
	if err != nil {
		return false, err
	}
	defer stream.Close()
	decoder := json.NewDecoder(stream)
	for {
		var change struct {
			Type   string `json:"type"`
			Object object `json:"object"`
		}
		if err := decoder.Decode(&change); err != nil {
			return true, err
		}
		if change.Type == "ERROR" {
			return true, io.EOF // too old: list anew
		}
		hear(ctx, change.Type, change.Object)
	}
}

// space writes down what comes and goes. A watch that begins anew tells of the same again, which harms nothing.
func (c *cluster) space(_ context.Context, change string, o object) {
	if change == "ADDED" || change == "DELETED" {
		c.spaces.Write(record.Space{Time: time.Now(), Kind: change, Name: o.Metadata.Name, UID: o.Metadata.UID})
	}
}

// secret writes down the digest of a store's passwords, which nobody ever changes.
func (c *cluster) secret(_ context.Context, change string, o object) {
	if o.Metadata.Name != credentials || change == "BOOKMARK" {
		return
	}
	data, err := json.Marshal(o.Data)
	if err != nil {
		c.lab.complain("read the passwords of %s: %v", o.Metadata.Namespace, err)
	}
	c.secrets.Write(record.Secret{
		Time: time.Now(), Kind: change, Namespace: o.Metadata.Namespace, Digest: fmt.Sprintf("%x", sha256.Sum256(data)),
	})
}

// credentials is the Secret with a store's passwords.
const credentials = "store-credentials"

func (c *cluster) service(_ context.Context, change string, o object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.routes, o.Metadata.Namespace)
	if change != "DELETED" {
		c.routes[o.Metadata.Namespace], _ = o.Spec.Selector[componentLabel].(string)
	}
}

func (c *cluster) pod(ctx context.Context, change string, o object) {
	switch {
	case change == "DELETED":
		c.runs(o, false)
	case o.Status.Phase == "Running":
		c.runs(o, true)
	case change == "ADDED":
		time.AfterFunc(c.delay(), func() { c.run(ctx, o) })
	}
}

// delay is how long the next pod takes to run.
func (c *cluster) delay() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started++
	slowest := slowestPod
	if c.lab.before != nil {
		slowest = slowestMixed
	}
	return slowest * time.Duration(c.started*3%paces) / paces
}

func (c *cluster) runs(o object, runs bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pods := c.pods[o.Metadata.Namespace]
	switch {
	case !runs:
		delete(pods, o.Metadata.Name)
	case pods == nil:
		c.pods[o.Metadata.Namespace] = map[string]string{o.Metadata.Name: o.Metadata.Labels[componentLabel]}
	default:
		pods[o.Metadata.Name] = o.Metadata.Labels[componentLabel]
	}
}

// shut lets no further pod run until open is called.
func (c *cluster) shut() (open func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gate := make(chan struct{})
	c.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

// run says what a kubelet would say of a pod that it has started. The pod stays without a node, so nobody has to let it
// end gracefully when its namespace goes.
func (c *cluster) run(ctx context.Context, o object) {
	c.mu.Lock()
	gate := c.gate
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return
	case <-gate:
	}
	ready := func(kind string) map[string]any { return map[string]any{"type": kind, "status": "True"} }
	patch := map[string]any{"status": map[string]any{
		"phase": "Running", "conditions": []any{ready("Ready"), ready("ContainersReady")},
	}}
	path := "/api/v1/namespaces/" + o.Metadata.Namespace + "/pods/" + o.Metadata.Name + "/status"
	err := waittest.Until(ctx, func() error {
		status, err := c.api.Do(ctx, http.MethodPatch, path, patch, nil)
		if err == nil && status >= 300 && status != http.StatusNotFound && status != http.StatusConflict {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		c.lab.complain("run pod %s of %s: %v", o.Metadata.Name, o.Metadata.Namespace, err)
	}
}

// squat puts a namespace of somebody else where a store's would be, so that its create fails for good.
func (c *cluster) squat(ctx context.Context, id store.ID) {
	c.note(id, true)
	c.makeSpace(ctx, id.Namespace(), nil)
}

// leave removes it again, and waits until it is gone.
func (c *cluster) leave(ctx context.Context, id store.ID) error {
	err := c.removeSpace(ctx, id.Namespace())
	if err == nil {
		c.note(id, false)
	}
	return err
}

// stray makes a namespace that says that it is the installation's, and that the log knows nothing of, and answers its name.
func (c *cluster) stray(ctx context.Context) string {
	name := "stray-" + c.lab.installation
	c.makeSpace(ctx, name, map[string]string{installationLabel: c.lab.installation, "app.kubernetes.io/managed-by": "store-platform"})
	return name
}

func (c *cluster) makeSpace(ctx context.Context, name string, labels map[string]string) {
	wish := map[string]any{"metadata": map[string]any{"name": name, "labels": labels}}
	if status, err := c.api.Do(ctx, http.MethodPost, "/api/v1/namespaces", wish, nil); err != nil || status >= 300 {
		c.lab.complain("make the namespace %s: %d %v", name, status, err)
	}
}

// removeSpace removes one, and waits until it is gone or ctx ends: it may take as long as a cluster takes that is busy with
// hundreds.
func (c *cluster) removeSpace(ctx context.Context, name string) error {
	path := "/api/v1/namespaces/" + name
	if _, err := c.api.Do(context.WithoutCancel(ctx), http.MethodDelete, path, nil, nil); err != nil {
		return err
	}
	err := waittest.Until(ctx, func() error {
		status, err := c.api.Do(ctx, http.MethodGet, path, nil, nil)
		if err == nil && status != http.StatusNotFound {
			err = fmt.Errorf("the namespace %s is still there", name)
		}
		return err
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *cluster) note(id store.ID, foreign bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.foreign[id] = foreign
}

// close removes what the run leaves, without waiting for it to be gone.
func (c *cluster) close() error {
	// Each request ends by itself.
	ctx := context.Background()
	var list struct {
		Items []object `json:"items"`
	}
	path := "/api/v1/namespaces?labelSelector=" + url.QueryEscape(installationLabel+"="+c.lab.installation)
	_, err := c.api.Do(ctx, http.MethodGet, path, nil, &list)
	var names []string
	for id, there := range c.foreign {
		if there {
			names = append(names, id.Namespace())
		}
	}
	for _, o := range list.Items {
		names = append(names, o.Metadata.Name)
	}
	// There are hundreds after a long run, and each removal waits for etcd.
	var removing errgroup.Group
	removing.SetLimit(8)
	for _, name := range names {
		removing.Go(func() error {
			_, err := c.api.Do(ctx, http.MethodDelete, "/api/v1/namespaces/"+name, nil, nil)
			return err
		})
	}
	return errors.Join(err, removing.Wait(), c.spaces.Close(), c.secrets.Close())
}
