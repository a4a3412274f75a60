package cluster_test

import (
	"net/http"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// opens has a WooCommerce store that its image has no plugin for set up without it: a WordPress that sells nothing, on the
// servers, volumes and limits that a shop has. It stays Failed, and answers at its address.
func (c *conformance) opens(s query.Store) {
	c.Helper()
	s.URL = "http://" + s.ID.Namespace() + "." + c.Base
	c.at = shops.At{Platform: c.Platform, Store: s}
	namespace := "/api/v1/namespaces/" + s.ID.Namespace()
	var secret struct {
		Data map[string][]byte `json:"data"`
	}
	if status, err := c.kubernetes.Do(c.Context(), http.MethodGet, namespace+"/secrets/store-credentials", nil, &secret); err != nil || status != http.StatusOK {
		c.Fatalf("read the Secret: %d %v", status, err)
	}
	for _, credential := range c.pack.Credentials {
		if !credential.Internal {
			c.shown = append(c.shown, query.Credential{Name: credential.Name, Username: credential.Username, Password: string(secret.Data[credential.SecretKey])})
		}
	}
	const instead = `require "/opt/shop/install/boot.php"; mark("woocommerce"); $finished = true;`
	c.change(http.MethodPatch, "/apis/apps/v1/namespaces/"+s.ID.Namespace()+"/deployments/store", map[string]any{"spec": map[string]any{
		"template": map[string]any{"spec": map[string]any{"initContainers": []any{
			map[string]any{"name": "install-woocommerce", "command": []string{"php", "-r", instead}},
		}}},
	}})
}
