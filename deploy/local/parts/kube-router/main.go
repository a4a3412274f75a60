// kube-router is kube-router's network policy controller alone. Upstream's program links a BGP router, a proxy for Services
// and a cloud's SDK too, none of which a node of its own needs: addresses are the CNI plugin's, Services are kube-proxy's.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// healthPort is upstream's default.
const healthPort = 20244

func main() {
	config := options.NewKubeRouterConfig()
	config.RunFirewall, config.EnableIPv4, config.HealthPort = true, true, healthPort
	flag.StringVar(&config.Kubeconfig, "kubeconfig", "", "how to reach the API server")
	flag.StringVar(&config.HostnameOverride, "hostname-override", "", "the node's name")
	flag.StringVar(&config.ClusterIPCIDRs[0], "service-cluster-ip-range", config.ClusterIPCIDRs[0], "the addresses of Services")
	flag.Parse()
	if err := run(config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run enforces network policies until a signal. The order is upstream's: a controller that had started before the caches are
// full would take rules away from pods that it doesn't know yet.
func run(config *options.KubeRouterConfig) error {
	access, err := clientcmd.BuildConfigFromFlags("", config.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	var controllers sync.WaitGroup
	defer controllers.Wait()
	defer close(ended)

	health, err := healthcheck.NewHealthController(config)
	if err != nil {
		return fmt.Errorf("make the health check: %w", err)
	}
	controllers.Add(1)
	go health.RunServer(ended, &controllers)

	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(ended)
	factory.WaitForCacheSync(ended)

	heartbeats := make(chan *healthcheck.ControllerHeartbeat, 10)
	health.SetAlive()
	controllers.Add(1)
	go health.RunCheck(heartbeats, ended, &controllers)

	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return fmt.Errorf("find iptables and ipset: %w", err)
	}
	var setsInUse sync.Mutex
	controller, err := netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces, &setsInUse, tables, sets)
	if err != nil {
		return fmt.Errorf("make the network policy controller: %w", err)
	}
	if _, err := pods.AddEventHandler(controller.PodEventHandler); err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	if _, err := namespaces.AddEventHandler(controller.NamespaceEventHandler); err != nil {
		return fmt.Errorf("watch namespaces: %w", err)
	}
	if _, err := policies.AddEventHandler(controller.NetworkPolicyEventHandler); err != nil {
		return fmt.Errorf("watch network policies: %w", err)
	}
	controllers.Add(1)
	go controller.Run(heartbeats, ended, &controllers)
	<-signals
	return nil
}
