package kube

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fieldManager owns what Apply sets.
const fieldManager = "store-platform-local"

// tokenDuration is how long a service account's kubeconfig works. It is renewed at each start.
const tokenDuration = "8760h"

//go:embed manifests/*.yaml
var manifests embed.FS

// Kubectl runs kubectl as administrator and answers its standard output; stdin may be nil.
func (c *Cluster) Kubectl(ctx context.Context, stdin []byte, arguments ...string) ([]byte, error) {
	// super-admin's rights are built in; admin's come from a binding that has to be applied first.
	all := append([]string{"kubectl", "--kubeconfig", c.inside("etc", "super-admin.conf")}, arguments...)
	command := c.command(ctx, partHyper, "hyper", all...)
	if stdin != nil {
		command.Stdin = bytes.NewReader(stdin)
	}
	output, err := c.output(command)
	if err != nil {
		return output, fmt.Errorf("run kubectl %s: %w", arguments[0], err)
	}
	return output, nil
}

// Apply applies manifests by server-side apply. It may be repeated.
func (c *Cluster) Apply(ctx context.Context, manifests []byte) error {
	_, err := c.Kubectl(ctx, manifests, "apply", "--server-side", "--force-conflicts", "--field-manager", fieldManager, "--filename", "-")
	return err
}

// applyOwn applies the cluster's own manifests: rights for an API server alone, everything for a node.
func (c *Cluster) applyOwn(ctx context.Context) error {
	names := []string{"manifests/rights.yaml"}
	if c.sandbox != nil {
		var err error
		if names, err = fs.Glob(manifests, "manifests/*.yaml"); err != nil {
			return err
		}
	}
	var all [][]byte
	for _, name := range names {
		content, err := manifests.ReadFile(name)
		if err != nil {
			return err
		}
		all = append(all, content)
	}
	return c.Apply(ctx, bytes.Join(all, []byte("\n---\n")))
}

// Kubeconfig is the path of the administrator's kubeconfig, which leads through the door.
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.config.StateDir, "kubeconfig") }

// Server is the URL of the door to the API server.
func (c *Cluster) Server() string { return "https://" + c.doorAddr }

// ServiceAccountKubeconfig writes a kubeconfig with a year's token of a service account to
// path, readable by this user only, replacing what is there.
func (c *Cluster) ServiceAccountKubeconfig(ctx context.Context, namespace, name, path string) error {
	token, err := c.Kubectl(ctx, nil, "create", "token", name, "--namespace", namespace, "--duration", tokenDuration)
	if err != nil {
		return fmt.Errorf("make a token of %s: %w", name, err)
	}
	authority, err := os.ReadFile(filepath.Join(c.config.StateDir, "etc", "pki", "ca.crt"))
	if err != nil {
		return fmt.Errorf("read the cluster's authority: %w", err)
	}
	type object = map[string]any
	content, err := yaml.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "current-context": name,
		"clusters": []object{{"name": nodeName, "cluster": object{
			"server": c.Server(), "certificate-authority-data": base64.StdEncoding.EncodeToString(authority),
		}}},
		"users":    []object{{"name": name, "user": object{"token": strings.TrimSpace(string(token))}}},
		"contexts": []object{{"name": name, "context": object{"cluster": nodeName, "user": name, "namespace": namespace}}},
	})
	if err != nil {
		return fmt.Errorf("write the kubeconfig of %s: %w", name, err)
	}
	return writePrivate(path, content)
}
