package platform

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/pkg/waittest"
)

// Kubernetes is the cluster's API as its administrator sees it: plain HTTP, because this module links no client-go.
type Kubernetes struct {
	// Server is its URL, CA the certificates to know it by.
	Server string
	CA     []byte
	client *http.Client
}

// Kubernetes opens the cluster's API by the installation's kubeconfig.
func (p *Platform) Kubernetes(tb testing.TB) *Kubernetes {
	tb.Helper()
	k, err := OpenKubernetes(p.Kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// OpenKubernetes opens the API that an administrator's kubeconfig with a client certificate leads to.
func OpenKubernetes(kubeconfig string) (*Kubernetes, error) {
	data, err := os.ReadFile(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string     `yaml:"server"`
				CA     base64Text `yaml:"certificate-authority-data"`
			} `yaml:"cluster"`
		} `yaml:"clusters"`
		Users []struct {
			User struct {
				Certificate base64Text `yaml:"client-certificate-data"`
				Key         base64Text `yaml:"client-key-data"`
			} `yaml:"user"`
		} `yaml:"users"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("decode %s: %w", kubeconfig, err)
	}
	if len(config.Clusters) == 0 || len(config.Users) == 0 {
		return nil, fmt.Errorf("decode %s: it names no cluster or no user", kubeconfig)
	}
	cluster, user := config.Clusters[0].Cluster, config.Users[0].User
	certificate, err := tls.X509KeyPair(user.Certificate, user.Key)
	if err != nil {
		return nil, fmt.Errorf("read the administrator's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cluster.CA)
	return &Kubernetes{Server: cluster.Server, CA: cluster.CA, client: &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: roots},
		},
	}}, nil
}

// Transport is the administrator's.
func (k *Kubernetes) Transport() http.RoundTripper { return k.client.Transport }

// base64Text is what a kubeconfig calls data.
type base64Text []byte

// UnmarshalText decodes it.
func (b *base64Text) UnmarshalText(text []byte) (err error) {
	*b, err = base64.StdEncoding.AppendDecode(nil, text)
	return err
}

// Do sends one request and decodes the answer into out unless that is nil.
func (k *Kubernetes) Do(ctx context.Context, method, path string, in, out any) (int, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return 0, err
		}
	}
	mediaType := "application/json"
	if method == http.MethodPatch {
		mediaType = "application/strategic-merge-patch+json"
	}
	return k.send(ctx, method, path, mediaType, body, out)
}

// Apply makes an object, written in YAML, as it shall be.
func (k *Kubernetes) Apply(ctx context.Context, path string, object []byte) error {
	var answer struct {
		Message string `json:"message"`
	}
	status, err := k.send(ctx, http.MethodPatch, path+"?fieldManager=test&force=true", "application/apply-patch+yaml", object, &answer)
	if err == nil && status >= 300 {
		err = fmt.Errorf("apply %s: %d %s", path, status, answer.Message)
	}
	return err
}

// Stream opens an answer that goes on until ctx ends or the server ends it, such as a watch.
func (k *Kubernetes) Stream(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.Server+path, nil)
	if err != nil {
		return nil, err
	}
	endless := *k.client
	endless.Timeout = 0
	response, err := endless.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("stream %s: %s", path, response.Status), response.Body.Close())
	}
	return response.Body, nil
}

// Text is an answer that is no JSON, such as a pod's log.
func (k *Kubernetes) Text(ctx context.Context, path string) (string, error) {
	body, err := k.Stream(ctx, path)
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}

func (k *Kubernetes) send(ctx context.Context, method, path, mediaType string, body []byte, out any) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, k.Server+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", mediaType)
	response, err := k.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || out == nil {
		return response.StatusCode, err
	}
	return response.StatusCode, json.Unmarshal(data, out)
}

// Refusal is what the API says against an object; empty when it says nothing.
func (k *Kubernetes) Refusal(ctx context.Context, path string, object any) (string, error) {
	var answer struct {
		Message string `json:"message"`
	}
	_, err := k.Do(ctx, http.MethodPost, path, object, &answer)
	return answer.Message, err
}

// Status is the HTTP status of a GET.
func (k *Kubernetes) Status(tb testing.TB, path string) int {
	tb.Helper()
	status, err := k.Do(tb.Context(), http.MethodGet, path, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return status
}

// Pod is as much of a pod as the tests look at.
type Pod struct {
	Metadata struct {
		Name   string            `json:"name"`
		UID    string            `json:"uid"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Status struct {
		Phase     string `json:"phase"`
		IP        string `json:"podIP"`
		Ephemeral []struct {
			Name  string `json:"name"`
			State struct {
				Terminated *struct {
					ExitCode int `json:"exitCode"`
				} `json:"terminated"`
			} `json:"state"`
		} `json:"ephemeralContainerStatuses"`
	} `json:"status"`
}

// Pods lists the pods of a namespace that carry a label.
func (k *Kubernetes) Pods(tb testing.TB, namespace, selector string) []Pod {
	tb.Helper()
	var list struct {
		Items []Pod `json:"items"`
	}
	status, err := k.Do(tb.Context(), http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods?labelSelector="+selector, nil, &list)
	if err != nil || status != http.StatusOK {
		tb.Fatalf("list the pods of %s: %d %v", namespace, status, err)
	}
	return list.Items
}

var errUnfinished = errors.New("the container hasn't ended")

// RunIn runs a shell script in a container added to a running pod, as restricted as the pod's own, and returns the exit
// code. It shares the pod's network and, being ephemeral, isn't counted against the store's quota.
func (k *Kubernetes) RunIn(tb testing.TB, namespace, pod, name, image, script string) int {
	tb.Helper()
	path := "/api/v1/namespaces/" + namespace + "/pods/" + pod
	container := map[string]any{
		"name": name, "image": image, "imagePullPolicy": "Never", "command": []string{"/bin/sh", "-c", script},
		"securityContext": map[string]any{
			"runAsNonRoot": true, "runAsUser": 65532, "allowPrivilegeEscalation": false,
			"capabilities": map[string]any{"drop": []string{"ALL"}}, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
		},
	}
	patch := map[string]any{"spec": map[string]any{"ephemeralContainers": []any{container}}}
	if status, err := k.Do(tb.Context(), http.MethodPatch, path+"/ephemeralcontainers", patch, nil); err != nil || status != http.StatusOK {
		tb.Fatalf("add a container to %s: %d %v", pod, status, err)
	}
	code := 0
	waittest.Eventually(tb, func() error {
		var now Pod
		if status, err := k.Do(tb.Context(), http.MethodGet, path, nil, &now); err != nil || status != http.StatusOK {
			return fmt.Errorf("read the pod: %d %w", status, err)
		}
		for _, c := range now.Status.Ephemeral {
			if c.Name == name && c.State.Terminated != nil {
				code = c.State.Terminated.ExitCode
				return nil
			}
		}
		return errUnfinished
	})
	return code
}
