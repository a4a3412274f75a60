package sidebyside

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/chart"
	"github.com/store-platform/store-platform/test/internal/platform"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// Each release's chart is upgraded to the other's by the same values, and leaves what is there by the other's alone; passwords stay. No
// pod runs: what becomes of them is test/installed's.
func TestTheChartsOfTwoReleasesAreUpgradedToEachOther(t *testing.T) {
	beside := &platform.Platform{Kubeconfig: os.Getenv("TEST_KUBECONFIG")}
	if beside.Kubeconfig == "" {
		t.Skip("needs a Kubernetes API: run through make test")
	}
	chart.KeepSharedRole(t, beside.Kubernetes(t))
	r := chart.New(t, beside, "sidebyside-chart")
	ours := r.Chart
	former, err := chart.FolderBefore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.TakeOverSharedRole(t)

	r.Chart = former
	r.Install(t, own(t))
	installed, passwords := made(t, r), secrets(t, r)
	r.Chart = ours
	r.Upgrade(t, own(t))
	upgraded := made(t, r)
	if cmp.Equal(installed, upgraded) {
		t.Error("both charts make the same")
	}
	r.Chart = former
	r.Upgrade(t, own(t))
	if diff := cmp.Diff(installed, made(t, r)); diff != "" {
		t.Errorf("gone back, there isn't what there was:\n%s", diff)
	}
	r.Chart = ours
	r.Upgrade(t, own(t))
	if diff := cmp.Diff(upgraded, made(t, r)); diff != "" {
		t.Errorf("upgraded again, there isn't what there was:\n%s", diff)
	}
	if !cmp.Equal(passwords, secrets(t, r)) {
		t.Error("passwords have changed")
	}
}

// own are an operator's values, for either release; the broker is the newer one, as for who goes back.
func own(t *testing.T) chart.Values {
	t.Helper()
	broker, _ := chart.Images(t)
	return chart.Values{
		"installation": "sidebyside", "baseDomain": "stores.example", "auth": chart.Values{"mode": "open", "openIsUnderstood": true},
		"image": chart.Values{"registry": "registry.example"}, "postgres": chart.Values{"bundled": true}, "nats": chart.Values{"image": broker},
		"gateway": chart.Values{"ingress": chart.Values{"enabled": true}, "trustProxy": []string{"10.244.0.0/16"}},
	}
}

// object is as much of one as a chart says.
type object struct {
	Metadata struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec     any               `json:"spec"`
	Data     map[string]string `json:"data"`
	Rules    any               `json:"rules"`
	RoleRef  any               `json:"roleRef"`
	Subjects any               `json:"subjects"`
}

// made are all objects of the release but for its Secrets.
func made(t *testing.T, r *chart.Release) map[string]object {
	t.Helper()
	all := map[string]object{}
	for _, path := range []string{
		r.Path("/api/v1", "configmaps"), r.Path("/api/v1", "services"), r.Path("/api/v1", "serviceaccounts"),
		r.Path("/apis/apps/v1", "deployments"), r.Path("/apis/apps/v1", "statefulsets"), r.Path("/apis/policy/v1", "poddisruptionbudgets"),
		r.Path("/apis/networking.k8s.io/v1", "networkpolicies"), r.Path("/apis/networking.k8s.io/v1", "ingresses"),
		"/apis/rbac.authorization.k8s.io/v1/clusterroles", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
		"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
		"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
	} {
		for _, o := range list(t, r, path) {
			if o.Metadata.Annotations["meta.helm.sh/release-namespace"] == r.Namespace {
				o.Metadata.Annotations = nil
				all[path[strings.LastIndex(path, "/")+1:]+" "+o.Metadata.Name] = o
			}
		}
	}
	if len(all) < 20 {
		t.Fatalf("the chart has made %d objects", len(all))
	}
	return all
}

// secrets are what those hold that the charts make passwords up in, by their names.
func secrets(t *testing.T, r *chart.Release) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for _, o := range list(t, r, r.Path("/api/v1", "secrets")) {
		if strings.HasPrefix(o.Metadata.Name, "store-platform-") {
			all[o.Metadata.Name] = o.Data
		}
	}
	if len(all) != 2 {
		t.Fatalf("passwords are in %d Secrets", len(all))
	}
	return all
}

func list(t *testing.T, r *chart.Release, path string) []object {
	t.Helper()
	var found struct {
		Items []object `json:"items"`
	}
	if status, err := r.Do(t.Context(), http.MethodGet, path, nil, &found); err != nil || status != http.StatusOK {
		t.Fatalf("list %s: %d %v", path, status, err)
	}
	return found.Items
}
