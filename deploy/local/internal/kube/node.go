package kube

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"text/template"
	"time"
)

const (
	criAddress     = "/run/containerd/containerd.sock"
	criSocket      = "unix://" + criAddress
	kubeRouterUser = "store-platform:kube-router"
	// kubeRouterHealth is kube-router's default; its ports are the sandbox's own.
	kubeRouterHealth = "http://127.0.0.1:20244/healthz"
	probeTimeout     = 2 * time.Second
)

//go:embed conf/*
var conf embed.FS

// render writes conf/<name> with values into the cluster's etc folder.
func (c *Cluster) render(name string, values map[string]string) error {
	page, err := template.New(name).Option("missingkey=error").ParseFS(conf, "conf/"+name)
	if err != nil {
		return fmt.Errorf("read the template of %s: %w", name, err)
	}
	var content bytes.Buffer
	if err := page.ExecuteTemplate(&content, name, values); err != nil {
		return fmt.Errorf("fill the template of %s: %w", name, err)
	}
	folder := "etc"
	if filepath.Ext(name) == ".conflist" {
		folder = filepath.Join("etc", "cni") // containerd loads whatever lies in that folder
	}
	path := filepath.Join(c.config.StateDir, folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", name, err)
	}
	return os.WriteFile(path, content.Bytes(), 0o600)
}

func (c *Cluster) configureNode() error {
	plugins, err := pluginFolder()
	if err != nil {
		return err
	}
	values := map[string]string{
		"State": insideState, "Name": c.name, "NodeName": nodeName, "CRI": criSocket, "Pause": pauseImage,
		"Shim": c.tool(partContainerd, "containerd-shim-runc-v2"), "Runc": c.tool(partRunc, "runc"),
		"Plugins": plugins, "Snapshotter": snapshotter(c.config.StateDir),
		"PodCIDR": podCIDR, "NodeCIDR": nodeCIDR, "DNS": dnsIP,
	}
	for _, name := range []string{"containerd.toml", "10-node.conflist", "kubelet.yaml", "kube-proxy.yaml"} {
		if err := c.render(name, values); err != nil {
			return err
		}
	}
	resolver := filepath.Join(c.config.StateDir, "etc", "resolv.conf")
	return os.WriteFile(resolver, []byte("nameserver 127.0.0.1\n"), 0o644)
}

// startRuntime starts containerd and imports the images of the cluster's own pods, unless they are there.
func (c *Cluster) startRuntime(ctx context.Context) error {
	if err := c.run(partContainerd, "containerd", "containerd", "--config", c.inside("etc", "containerd.toml")); err != nil {
		return err
	}
	err := c.until(ctx, "containerd", func(ctx context.Context) error {
		_, err := c.output(c.command(ctx, partContainerd, "containerd", "ready", criAddress))
		return err
	})
	if err != nil {
		return err
	}
	return c.LoadImage(ctx, c.config.Tools.file(partImages, imagesArchive))
}

func (c *Cluster) importImages(ctx context.Context, path string) error {
	archive, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open an image archive: %w", err)
	}
	defer archive.Close()
	// By standard input: the sandbox may not see the folder that the archive is in.
	command := c.command(ctx, partContainerd, "containerd", "import", criAddress)
	command.Stdin = archive
	if _, err := c.output(command); err != nil {
		return fmt.Errorf("import image archive %s: %w", path, err)
	}
	return nil
}

// LoadImage imports an image archive (see package imagepack) under the names it holds, unless the same one was imported into this
// state folder before.
func (c *Cluster) LoadImage(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("find an image archive: %w", err)
	}
	identity, err := json.Marshal([]any{path, info.Size(), info.ModTime().UnixNano()})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(identity)
	marker := filepath.Join(c.config.StateDir, "containerd", "imported-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(marker); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := c.importImages(ctx, path); err != nil {
		return err
	}
	return os.WriteFile(marker, identity, 0o644)
}

// startNode starts what makes the sandbox a node. kube-router enforces network policies only:
// addresses are the CNI plugin's, Services are kube-proxy's. It runs as a process, because as a pod it
// would need every privilege there is and would start after the pods it protects.
func (c *Cluster) startNode(ctx context.Context) error {
	starts := []func() error{
		func() error {
			return c.run(partHyper, "kubelet", "hyper", "kubelet", "--config", c.inside("etc", "kubelet.yaml"),
				"--kubeconfig", c.inside("etc", "kubelet.conf"), "--hostname-override", nodeName, "--node-ip", nodeIP,
				"--root-dir", c.inside("kubelet"), "--cert-dir", c.inside("kubelet", "pki"))
		},
		func() error {
			return c.run(partHyper, "kube-proxy", "hyper", "kube-proxy", "--config", c.inside("etc", "kube-proxy.yaml"))
		},
	}
	for _, start := range starts {
		if err := start(); err != nil {
			return err
		}
	}
	if err := c.waitFor(ctx, "node/"+nodeName, "Ready"); err != nil {
		return err
	}
	// kube-router ends when its node isn't registered.
	return c.run(partKubeRouter, "kube-router", "kube-router",
		"--kubeconfig", c.inside("etc", "kube-router.conf"), "--hostname-override", nodeName,
		"--service-cluster-ip-range", serviceCIDR)
}

// nodeReady waits until pods really have what stores need: names, volumes, policies. The
// conditions in the API may be those of before a restart, so DNS and policies are asked themselves.
func (c *Cluster) nodeReady(ctx context.Context) error {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return c.DialContext(ctx, network, dnsIP+":53")
	}}
	err := c.until(ctx, "DNS", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		_, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
		return err
	})
	if err != nil {
		return err
	}
	transport := &http.Transport{DialContext: c.DialContext, DisableKeepAlives: true}
	err = c.until(ctx, "network policies", func(ctx context.Context) error {
		return answers(ctx, transport, kubeRouterHealth)
	})
	if err != nil {
		return err
	}
	return c.waitFor(ctx, "deployment/local-path-provisioner", "Available", "--namespace", "local-path-storage")
}

// waitFor waits until object has condition. Asking again is for an object that isn't there yet.
func (c *Cluster) waitFor(ctx context.Context, object, condition string, more ...string) error {
	return c.until(ctx, object, func(ctx context.Context) error {
		arguments := append([]string{"wait", object, "--for=condition=" + condition, "--timeout=10s"}, more...)
		_, err := c.Kubectl(ctx, nil, arguments...)
		return err
	})
}

// pluginFolders are where distributions put the CNI plugins; the first is Debian's.
var pluginFolders = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

func pluginFolder() (string, error) {
	for _, folder := range pluginFolders {
		if _, err := os.Stat(filepath.Join(folder, "ptp")); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("find the CNI plugins: install containernetworking-plugins")
}
