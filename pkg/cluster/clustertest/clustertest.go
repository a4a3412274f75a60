// Package clustertest gives tests a real Kubernetes API, seen with the rights that the two hands have in production.
//
// The API server comes from outside: TEST_KUBECONFIG names the kubeconfig of an administrator, and make test's
// API-server tier sets it. Tests share it, so each one makes stores of its own (NewID).
package clustertest

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/store-platform/store-platform/pkg/store"
)

// Variable names the administrator's kubeconfig.
const Variable = "TEST_KUBECONFIG"

// PlatformNamespace is where the service accounts are.
const PlatformNamespace = "store-platform"

// The service accounts of deploy/k8s/access.
const (
	Provisioner = "store-provisioner"
	Janitor     = "store-janitor"
)

// patience bounds every wait on the API server; the machine may be busy.
const patience = 60 * time.Second

// API is a Kubernetes API with the platform's access rules in force.
type API struct {
	// Admin may do everything: it plays the parts of the cluster that aren't there.
	Admin  kubernetes.Interface
	Config *rest.Config
}

// Start connects to the API, or skips the test where there is none, and puts the access rules in force.
func Start(t testing.TB) *API {
	t.Helper()
	path := os.Getenv(Variable)
	if path == "" {
		t.Skip("needs a Kubernetes API: run through make test")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatalf("read %s: %v", Variable, err)
	}
	config.QPS, config.Burst = 200, 400
	admin, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatalf("build client: %v", err)
	}
	api := &API{Admin: admin, Config: config}
	accessOnce.Do(func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := applyAccess(ctx, config, PlatformNamespace); err != nil {
			t.Fatalf("apply access rules: %v", err)
		}
		api.awaitPolicy(ctx, t)
		api.putNameServer(ctx, t)
	})
	return api
}

// accessOnce is for the whole process: a package's tests begin one after the other, and would wait for each other here.
var accessOnce sync.Once

// awaitPolicy waits until the admission policy is enforced, which the API server learns a little after it was made.
func (a *API) awaitPolicy(ctx context.Context, t testing.TB) {
	t.Helper()
	client := a.ClientAs(t, Provisioner)
	stranger := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "stranger-"}}
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Namespaces().Create(ctx, stranger, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		// Until it has learned of the account's role, the API server forbids it everything; only the text tells the two apart.
		return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "ValidatingAdmissionPolicy"), nil
	})
	if err != nil {
		t.Fatalf("wait for the admission policy: %v", err)
	}
}

// Kubeconfig writes the kubeconfig of a service account, with a token as a pod would have it, and returns its path.
func (a *API) Kubeconfig(t testing.TB, account string) string {
	t.Helper()
	return a.kubeconfig(t, account, &clientcmdapi.Cluster{
		Server: a.Config.Host, CertificateAuthority: a.Config.CAFile, CertificateAuthorityData: a.Config.CAData,
		InsecureSkipTLSVerify: a.Config.Insecure, TLSServerName: a.Config.ServerName,
	})
}

func (a *API) kubeconfig(t testing.TB, account string, where *clientcmdapi.Cluster) string {
	t.Helper()
	token, err := a.Admin.CoreV1().ServiceAccounts(PlatformNamespace).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("make token of %s: %v", account, err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = where
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), account)
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatalf("write kubeconfig of %s: %v", account, err)
	}
	return path
}

// ClientAs is a bare client with the rights of a service account.
func (a *API) ClientAs(t testing.TB, account string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", a.Kubeconfig(t, account))
	if err != nil {
		t.Fatalf("read kubeconfig of %s: %v", account, err)
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatalf("build client of %s: %v", account, err)
	}
	return client
}

// NewID is a store of this test alone. Its namespace goes with the cluster, at the end of the run: the namespace
// controller is left to what the tests themselves remove and wait for.
func (a *API) NewID(t testing.TB) store.ID {
	t.Helper()
	random := make([]byte, 8)
	_, _ = rand.Read(random)
	return store.NewID(random)
}

// Eventually polls until ok, for what another part of the cluster has to do first.
func Eventually(t testing.TB, what string, ok func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, ok); err != nil {
		t.Fatalf("wait until %s: %v", what, err)
	}
}

// AwaitOverQuota tries to create something, as a dry run, until admission knows that it is too much for its namespace's
// quota: admission has a watch of its own, and may know less than the quota's status says. Only the text of a refusal
// tells why.
func AwaitOverQuota(t testing.TB, create func(ctx context.Context, dry metav1.CreateOptions) error) {
	t.Helper()
	Eventually(t, "admission refuses what is over the quota", func(ctx context.Context) (bool, error) {
		err := create(ctx, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"), nil
	})
}
