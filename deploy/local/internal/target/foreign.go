package target

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/preflight"
	"github.com/store-platform/store-platform/pkg/guard"
)

// Foreign is a cluster of the user's own, named by a context of their kubeconfig. It is
// reached by kubectl, which knows every way to sign in that a kubeconfig may ask for.
type Foreign struct {
	Context string
	// Registry is what images are pushed below; empty means the loader of the cluster's tool.
	Registry string
	// Push pushes them.
	Push func(ctx context.Context, image images.Image, registry string) error
}

// tokenPatience bounds waiting for the token of a service account.
const tokenPatience = 30 * time.Second

// Apply applies manifests by server-side apply.
func (f Foreign) Apply(ctx context.Context, manifests []byte) error {
	_, err := f.kubectl(ctx, string(manifests), "apply", "--server-side", "--force-conflicts", "--field-manager", "store-platform-local", "--filename", "-")
	return err
}

// ServiceAccountKubeconfig writes a kubeconfig with the token of a Secret, which lives as
// long as the Secret does: how long an API server lets a requested token live is its own
// affair, and often an hour.
func (f Foreign) ServiceAccountKubeconfig(ctx context.Context, namespace, account, path string) error {
	secret := account + "-token"
	manifest := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/service-account-token",
		"metadata":{"name":%q,"namespace":%q,"annotations":{"kubernetes.io/service-account.name":%q}}}`, secret, namespace, account)
	if err := f.Apply(ctx, []byte(manifest)); err != nil {
		return err
	}
	token, err := f.token(ctx, namespace, secret)
	if err != nil {
		return err
	}
	view, err := f.kubectl(ctx, "", "config", "view", "--minify", "--flatten", "--raw", "--output", "json")
	if err != nil {
		return err
	}
	var config struct {
		Clusters []struct {
			Cluster map[string]any `json:"cluster"`
		} `json:"clusters"`
	}
	if err := json.Unmarshal(view, &config); err != nil {
		return fmt.Errorf("read the kubeconfig of %s: %w", f.Context, err)
	}
	if len(config.Clusters) != 1 {
		return fmt.Errorf("the kubeconfig of %s names %d clusters", f.Context, len(config.Clusters))
	}
	type object = map[string]any
	content, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": account,
		"clusters": []object{{"name": "cluster", "cluster": config.Clusters[0].Cluster}},
		"users":    []object{{"name": account, "user": object{"token": token}}},
		"contexts": []object{{"name": account, "context": object{"cluster": "cluster", "user": account, "namespace": namespace}}},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the kubeconfig of %s: %w", account, err)
	}
	return os.WriteFile(path, content, 0o600)
}

// token waits until the cluster has put the token into the Secret.
func (f Foreign) token(ctx context.Context, namespace, secret string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenPatience)
	defer cancel()
	for {
		out, err := f.kubectl(ctx, "", "get", "secret", secret, "--namespace", namespace, "--output", "jsonpath={.data.token}")
		if err != nil {
			return "", err
		}
		if len(out) > 0 {
			token, err := base64.StdEncoding.DecodeString(string(out))
			return string(token), err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the token in secret %s: %w", secret, ctx.Err())
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// Load brings images into the cluster.
func (f Foreign) Load(ctx context.Context, image images.Image) error {
	if f.Registry != "" {
		return f.Push(ctx, image, f.Registry)
	}
	var words []string
	switch loader := preflight.Loader(f.Context); loader {
	case "kind":
		words = []string{loader, "load", "image-archive", image.Path, "--name", strings.TrimPrefix(f.Context, "kind-")}
	case "k3d":
		words = []string{loader, "image", "import", image.Path, "--cluster", strings.TrimPrefix(f.Context, "k3d-")}
	case "minikube":
		words = []string{loader, "image", "load", image.Path}
	default:
		return errors.New("no way for images into " + f.Context + ": set IMAGE_REGISTRY")
	}
	if _, err := run(ctx, "", words...); err != nil {
		return fmt.Errorf("load images into %s: %w", f.Context, err)
	}
	return nil
}

func (f Foreign) kubectl(ctx context.Context, input string, arguments ...string) ([]byte, error) {
	out, err := run(ctx, input, append([]string{"kubectl", "--context", f.Context}, arguments...)...)
	if err != nil {
		return nil, fmt.Errorf("run kubectl %s: %w", arguments[0], err)
	}
	return out, nil
}

// run runs one of the user's own tools in their own environment: it holds how they sign in.
func run(ctx context.Context, input string, words ...string) ([]byte, error) {
	var out, complaints strings.Builder
	command := exec.Command(words[0], words[1:]...)
	command.Stdin = strings.NewReader(input)
	command.Stdout, command.Stderr = &out, &complaints
	if err := guard.Run(ctx, command); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(complaints.String()))
	}
	return []byte(out.String()), nil
}
