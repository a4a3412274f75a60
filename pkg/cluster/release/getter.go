package release

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/store-platform/store-platform/pkg/cluster"
)

// getter hands Helm the operation's guarded transport and the cluster's shared discovery, where it would otherwise
// make its own of everything.
type getter struct {
	op        *cluster.Operation
	namespace string
}

func (g *getter) ToRESTConfig() (*rest.Config, error) { return g.op.RESTConfig(), nil }

func (g *getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.op.Discovery(), nil
}

func (g *getter) ToRESTMapper() (meta.RESTMapper, error) { return g.op.Mapper(), nil }

// ToRawKubeConfigLoader is only asked for the namespace.
func (g *getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: g.namespace}}
	return clientcmd.NewDefaultClientConfig(*clientcmdapi.NewConfig(), overrides)
}
