package cluster_test

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/store-platform/store-platform/pkg/waittest"
)

// rule is how a cluster's operator forbids to change a kind of object in one namespace.
const rule = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[2]s}}
    resourceRules: [{apiGroups: [%[3]q], apiVersions: ["*"], resources: [%[4]s], operations: [UPDATE]}]
  validations: [{expression: "false", message: It is forbidden for now, reason: %[5]s}]
`

// refusals are the reasons that a rule may give, by what the cluster answers then: that nobody may ever have it so, or that it
// isn't to be had now.
var refusals = map[int]string{http.StatusUnprocessableEntity: "Invalid", http.StatusForbidden: "Forbidden"}

const binding = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`

// forbid has the cluster refuse every change of the store's objects of a kind with one of the refusals, until the returned
// function is called.
func (c *conformance) forbid(group, resource, api string, refusal int) (allow func()) {
	c.Helper()
	const registration = "/apis/admissionregistration.k8s.io/v1/"
	namespace := c.at.ID.Namespace()
	name := "no-change-of-" + resource + "-in-" + namespace
	policies, bindings := registration+"validatingadmissionpolicies/"+name, registration+"validatingadmissionpolicybindings/"+name
	if err := c.kubernetes.Apply(c.Context(), policies, fmt.Appendf(nil, rule, name, namespace, group, resource, refusals[refusal])); err != nil {
		c.Fatal(err)
	}
	if err := c.kubernetes.Apply(c.Context(), bindings, fmt.Appendf(nil, binding, name)); err != nil {
		c.Fatal(err)
	}
	// The API server hears of its own rules a moment later.
	c.awaitAnswer(api, resource, refusal)
	return sync.OnceFunc(func() {
		c.change(http.MethodDelete, bindings, nil)
		c.change(http.MethodDelete, policies, nil)
		c.awaitAnswer(api, resource, http.StatusOK)
	})
}

// awaitAnswer waits until the cluster would answer that to a change of one of the store's objects.
func (c *conformance) awaitAnswer(api, resource string, want int) {
	c.Helper()
	objects := c.list(api, resource)
	if len(objects) == 0 {
		c.Fatalf("the store has no %s", resource)
	}
	path := api + "/namespaces/" + c.at.ID.Namespace() + "/" + resource + "/" + objects[0].Metadata.Name + "?dryRun=All"
	change := map[string]any{"metadata": map[string]any{"annotations": map[string]string{"tried": "by-hand"}}}
	waittest.Eventually(c.T, func() error {
		status, err := c.kubernetes.Do(c.Context(), http.MethodPatch, path, change, nil)
		if err == nil && status != want {
			err = fmt.Errorf("a change of %s is answered with %d, want %d", resource, status, want)
		}
		return err
	})
}

// object is as much of a store's objects as is looked at.
type object struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Volume    string `json:"volumeName"`
		Resources struct {
			Requests struct {
				Storage string `json:"storage"`
			} `json:"requests"`
		} `json:"resources"`
	} `json:"spec"`
}

func (c *conformance) list(api, resource string) []object {
	c.Helper()
	var list struct {
		Items []object `json:"items"`
	}
	path := api + "/namespaces/" + c.at.ID.Namespace() + "/" + resource
	if status, err := c.kubernetes.Do(c.Context(), http.MethodGet, path, nil, &list); err != nil || status != http.StatusOK {
		c.Fatalf("list %s: %d %v", resource, status, err)
	}
	return list.Items
}
