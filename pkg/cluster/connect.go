package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/store-platform/store-platform/pkg/clock"
)

const (
	protobuf       = "application/vnd.kubernetes.protobuf"
	protobufOrJSON = protobuf + ",application/json"
)

// Config says which cluster, and what of it is ours.
type Config struct {
	// Kubeconfig is a file that needn't exist yet: until it does the cluster is unreachable. Empty means that the
	// process runs in the cluster.
	Kubeconfig string
	// Installation is the id that everything of ours is labelled with; nothing else is seen or touched.
	Installation string
	// QPS and Burst bound all requests of the process together; zero means 300 and 600.
	QPS   float32
	Burst int
	// WatchWorkloads makes Run watch Deployments, StatefulSets and Pods too, which AwaitWorkloads needs, and tell of
	// changes of Services, Ingresses and NetworkPolicies. Namespaces are always watched.
	WatchWorkloads bool
	// IngressNamespace is where the ingress controller's pods live; stores let them in. Empty when the controller
	// isn't a pod (a node's own processes are never kept out).
	IngressNamespace string
	// IngressAddr is host:port of the ingress, for probes from outside the cluster. Without one they go by
	// port-forward.
	IngressAddr string
	// Settings are what the installation says of all stores.
	Settings Settings
	// Clock is the installation's, which says how long its workers can be trusted.
	Clock clock.Divisor
}

// Cluster is the shared half: connections, limiter, discovery, watches. It is safe for concurrent use.
type Cluster struct {
	cfg     Config
	watcher *watcher

	mu   sync.Mutex
	link *link
}

// link is everything that needs the kubeconfig.
type link struct {
	config    *rest.Config
	http      *http.Client
	client    kubernetes.Interface
	discovery discovery.CachedDiscoveryInterface
	mapper    meta.ResettableRESTMapper
	inCluster bool
	identity  atomic.Pointer[identity]
	// pods reads what containers write (ReadLog).
	pods typedcore.PodsGetter
}

// Connect checks the configuration and returns at once: it makes no request, and the kubeconfig may appear later.
func Connect(cfg Config) (*Cluster, error) {
	if cfg.Installation == "" {
		return nil, errors.New("connect to the cluster: no installation id")
	}
	if cfg.QPS == 0 {
		cfg.QPS, cfg.Burst = 300, 600
	}
	logThroughSlog()
	c := &Cluster{cfg: cfg, watcher: newWatcher()}
	if _, err := c.connect(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return c, nil
}

// connect makes the link when there is something to make it of.
func (c *Cluster) connect() (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		return c.link, nil
	}
	config, err := loadConfig(c.cfg.Kubeconfig)
	if err != nil {
		return nil, wrap(fmt.Errorf("read cluster configuration: %w", err), Unreachable, "ClusterNotConfigured", "There is no cluster yet.")
	}
	// One limiter for the whole process; QPS and Burst of a rest.Config would make one for every client built of it.
	config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(c.cfg.QPS, c.cfg.Burst)
	config.WarningHandlerWithContext = &warnings{}
	l, err := newLink(config)
	if err != nil {
		return nil, wrap(fmt.Errorf("build cluster clients: %w", err), Permanent, "ConfigInvalid", "The platform's cluster configuration is wrong.")
	}
	l.inCluster = c.cfg.Kubeconfig == ""
	c.link = l
	return l, nil
}

func loadConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return rest.InClusterConfig()
	}
	file, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		return nil, err
	}
	if err := clientcmd.ResolveLocalPaths(file); err != nil {
		return nil, err
	}
	// Not BuildConfigFromFlags: it falls back to the configuration of the pod it runs in, silently.
	return clientcmd.NewDefaultClientConfig(*file, nil).ClientConfig()
}

func newLink(config *rest.Config) (*link, error) {
	host, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	config.Host = host.String()
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	l := &link{config: config, http: &http.Client{Transport: transport}}
	typed := rest.CopyConfig(config)
	typed.ContentType, typed.AcceptContentTypes = protobuf, protobufOrJSON
	if l.client, err = kubernetes.NewForConfigAndClient(typed, l.http); err != nil {
		return nil, err
	}
	if l.pods, err = newPods(config); err != nil {
		return nil, err
	}
	direct, err := discovery.NewDiscoveryClientForConfigAndClient(config, l.http)
	if err != nil {
		return nil, err
	}
	l.discovery = memory.NewMemCacheClient(direct)
	l.mapper = restmapper.NewDeferredDiscoveryRESTMapper(l.discovery)
	return l, nil
}

// Reachable is nil when the API server says that it is ready. Workers ask before they begin an attempt: no cluster is a
// reason to wait, and the *Error says in its sentence for what.
func (c *Cluster) Reachable(ctx context.Context) error {
	l, err := c.connect()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := l.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return wrap(fmt.Errorf("ask whether the API server is ready: %w", err), Unreachable, "ClusterUnreachable", "The cluster doesn't answer yet.")
	}
	return nil
}
