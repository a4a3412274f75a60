package platform

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/pkg/access"
)

// platformNamespace is where the workers' accounts are; the tests of the API server use the same.
const platformNamespace = "store-platform"

// accessCollections are where the kinds of deploy/k8s/access live.
var accessCollections = map[string]string{
	"Namespace":                        "/api/v1/namespaces",
	"ServiceAccount":                   "/api/v1/namespaces/" + platformNamespace + "/serviceaccounts",
	"ClusterRole":                      "/apis/rbac.authorization.k8s.io/v1/clusterroles",
	"ClusterRoleBinding":               "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
	"ValidatingAdmissionPolicy":        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
	"ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
}

// ApplyAccess gives the workers the rights that they have everywhere, by the same files of the clone.
func (k *Kubernetes) ApplyAccess(ctx context.Context, repo string) error {
	own := []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + platformNamespace + "}\n")
	if err := k.applyDocuments(ctx, own); err != nil {
		return err
	}
	files, err := access.Files(repo)
	if err != nil {
		return err
	}
	rules, err := access.Render(files, platformNamespace)
	if err != nil {
		return err
	}
	return k.applyDocuments(ctx, rules)
}

func (k *Kubernetes) applyDocuments(ctx context.Context, text []byte) error {
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var object struct {
			Kind     string `yaml:"kind"`
			Metadata struct {
				Name string `yaml:"name"`
			} `yaml:"metadata"`
		}
		if err := yaml.Unmarshal(document, &object); err != nil {
			return fmt.Errorf("read the access rules: %w", err)
		}
		if object.Kind == "" {
			continue
		}
		collection, known := accessCollections[object.Kind]
		if !known {
			return fmt.Errorf("apply the access rules: where %s lives isn't known here", object.Kind)
		}
		if err := k.Apply(ctx, collection+"/"+object.Metadata.Name, document); err != nil {
			return err
		}
	}
	return nil
}

// tokenSeconds outlasts every run.
const tokenSeconds = 24 * 60 * 60

// KubeconfigOf leads a worker's account to the API by an address, its own or of what stands before it.
func (k *Kubernetes) KubeconfigOf(ctx context.Context, account, address string) ([]byte, error) {
	var answer struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	path := "/api/v1/namespaces/" + platformNamespace + "/serviceaccounts/" + account + "/token"
	wish := map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": map[string]any{"expirationSeconds": tokenSeconds},
	}
	status, err := k.Do(ctx, http.MethodPost, path, wish, &answer)
	if err != nil || answer.Status.Token == "" {
		return nil, fmt.Errorf("make a token of %s: status %d: %w", account, status, err)
	}
	return []byte(strings.NewReplacer(
		"ADDRESS", address, "CA", base64.StdEncoding.EncodeToString(k.CA), "TOKEN", answer.Status.Token,
	).Replace(workersKubeconfig)), nil
}

const workersKubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://ADDRESS", certificate-authority-data: "CA"}}]
users: [{name: test, user: {token: "TOKEN"}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
current-context: test
`
