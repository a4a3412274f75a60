package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
)

// endpoints are where the control plane listens, as its own processes reach it.
type endpoints struct {
	advertise string // the address that the API server tells the cluster
	bind      string
	api       string // host:port
	apiPort   string
	etcd      string // host:port for clients
	etcdPeer  string // host:port for other members, of which there are none
}

// sandboxEndpoints are fixed: the sandbox has a network of its own.
func sandboxEndpoints() endpoints {
	return endpoints{
		advertise: nodeIP, bind: "0.0.0.0", api: nodeIP + ":6443", apiPort: "6443",
		etcd: "127.0.0.1:2379", etcdPeer: "127.0.0.1:2380",
	}
}

// loopbackEndpoints are free ports of this machine. They are free when looked at; that
// another program takes one before its user does is possible and ends in an error, not in a mix-up:
// every connection is authenticated by this cluster's own certificates.
func loopbackEndpoints(apiAddr string) (endpoints, error) {
	var taken []net.Listener
	defer func() {
		for _, listener := range taken {
			_ = listener.Close()
		}
	}()
	var addresses []string
	for _, wanted := range []string{apiAddr, "127.0.0.1:0", "127.0.0.1:0"} {
		listener, err := net.Listen("tcp", wanted)
		if err != nil {
			return endpoints{}, fmt.Errorf("find a free port: %w", err)
		}
		taken = append(taken, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	host, port, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return endpoints{}, err
	}
	return endpoints{
		advertise: host, bind: host, api: addresses[0], apiPort: port,
		etcd: addresses[1], etcdPeer: addresses[2],
	}, nil
}

// certificates makes what kubeadm would (see parts/hyper): its phases know every name and purpose.
func (c *Cluster) certificates(ctx context.Context) error {
	complete := filepath.Join(c.config.StateDir, "etc", "complete")
	if _, err := os.Stat(complete); err == nil {
		return c.pointKubeconfigs()
	}
	files, users := []string{"admin.conf", "super-admin.conf", "controller-manager.conf"}, map[string]string{}
	if c.sandbox != nil {
		files = append(files, "scheduler.conf", "kubelet.conf")
		users["kube-proxy.conf"], users["kube-router.conf"] = "system:kube-proxy", kubeRouterUser
	}
	wanted, err := json.Marshal(map[string]any{
		"Folder": c.inside("etc"), "Node": nodeName, "Address": nodeIP, "Endpoint": c.at.api, "Services": serviceCIDR,
		// The door to the API server is a loopback address of the machine.
		"Names": []string{"127.0.0.1", "localhost"}, "Files": files, "Users": users,
	})
	if err != nil {
		return err
	}
	command := c.command(ctx, partHyper, "hyper", "certificates")
	command.Stdin = bytes.NewReader(wanted)
	if _, err := c.output(command); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	if err := c.pointKubeconfigs(); err != nil {
		return err
	}
	return os.WriteFile(complete, nil, 0o644)
}

var serverLine = regexp.MustCompile(`(?m)^(\s*server: ).*$`)

// pointKubeconfigs writes today's address into the parts' kubeconfigs: an API server alone gets
// other ports at every start.
func (c *Cluster) pointKubeconfigs() error {
	files, err := filepath.Glob(filepath.Join(c.config.StateDir, "etc", "*.conf"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := copyKubeconfig(file, file, "https://"+c.at.api); err != nil {
			return err
		}
	}
	return nil
}

// copyKubeconfig copies a kubeconfig of kubeadm with another server, readable by this user only.
func copyKubeconfig(from, to, server string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("read a kubeconfig: %w", err)
	}
	return writePrivate(to, serverLine.ReplaceAll(content, []byte("${1}"+server)))
}

// writePrivate replaces a file at once: who reads a kubeconfig at that moment reads the old or the new.
func writePrivate(path string, content []byte) error {
	partial := path + ".partial"
	if err := os.WriteFile(partial, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (c *Cluster) startEtcd() error {
	pki := func(file string) string { return c.inside("etc", "pki", "etcd", file) }
	arguments := []string{
		"etcd", "--name", nodeName, "--data-dir", c.inside("etcd"), "--log-level", "warn",
		"--listen-client-urls", "https://" + c.at.etcd, "--advertise-client-urls", "https://" + c.at.etcd,
		"--listen-peer-urls", "http://" + c.at.etcdPeer, "--initial-advertise-peer-urls", "http://" + c.at.etcdPeer,
		"--initial-cluster", nodeName + "=http://" + c.at.etcdPeer,
		"--cert-file", pki("server.crt"), "--key-file", pki("server.key"),
		"--client-cert-auth", "--trusted-ca-file", pki("ca.crt"),
	}
	if c.config.Throwaway {
		arguments = append(arguments, "--unsafe-no-fsync")
	}
	return c.run(partHyper, "etcd", "hyper", arguments...)
}

func (c *Cluster) startAPIServer() error {
	pki := func(file string) string { return c.inside("etc", "pki", file) }
	arguments := []string{
		"kube-apiserver", "--advertise-address", c.at.advertise, "--bind-address", c.at.bind, "--secure-port", c.at.apiPort,
		"--allow-privileged",
		"--client-ca-file", pki("ca.crt"), "--tls-cert-file", pki("apiserver.crt"), "--tls-private-key-file", pki("apiserver.key"),
		"--etcd-servers", "https://" + c.at.etcd, "--etcd-cafile", pki("etcd/ca.crt"),
		"--etcd-certfile", pki("apiserver-etcd-client.crt"), "--etcd-keyfile", pki("apiserver-etcd-client.key"),
		"--kubelet-client-certificate", pki("apiserver-kubelet-client.crt"), "--kubelet-client-key", pki("apiserver-kubelet-client.key"),
		"--kubelet-preferred-address-types", "InternalIP",
		"--proxy-client-cert-file", pki("front-proxy-client.crt"), "--proxy-client-key-file", pki("front-proxy-client.key"),
		"--requestheader-client-ca-file", pki("front-proxy-ca.crt"), "--requestheader-allowed-names", "front-proxy-client",
		"--requestheader-extra-headers-prefix", "X-Remote-Extra-", "--requestheader-group-headers", "X-Remote-Group",
		"--requestheader-username-headers", "X-Remote-User",
		"--service-account-issuer", "https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file", pki("sa.pub"), "--service-account-signing-key-file", pki("sa.key"),
		"--service-cluster-ip-range", serviceCIDR,
	}
	if c.sandbox != nil {
		arguments = append(arguments, "--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction")
	} else {
		arguments = append(arguments, nodelessAPI()...)
	}
	return c.run(partHyper, "kube-apiserver", "hyper", arguments...)
}

// startControllers starts the controller manager. It asks more often than its defaults allow:
// they are meant to spare an API server that a thousand nodes share.
func (c *Cluster) startControllers() error {
	kubeconfig := c.inside("etc", "controller-manager.conf")
	pki := func(file string) string { return c.inside("etc", "pki", file) }
	arguments := []string{
		"kube-controller-manager", "--kubeconfig", kubeconfig, "--leader-elect=false", "--use-service-account-credentials",
		"--root-ca-file", pki("ca.crt"), "--service-account-private-key-file", pki("sa.key"),
		"--cluster-signing-cert-file", pki("ca.crt"), "--cluster-signing-key-file", pki("ca.key"),
		"--kube-api-qps", "200", "--kube-api-burst", "400", "--secure-port", "0",
	}
	if c.config.Throwaway {
		// What a cut request left in a quota's count goes with the next full count.
		arguments = append(arguments, "--resource-quota-sync-period", "20s")
	}
	if c.sandbox != nil {
		arguments = append(arguments, "--allocate-node-cidrs", "--cluster-cidr", podCIDR, "--node-cidr-mask-size", "22",
			"--service-cluster-ip-range", serviceCIDR)
	} else {
		arguments = append(arguments, nodelessManager(c.config.Controllers)...)
	}
	return c.run(partHyper, "kube-controller-manager", "hyper", arguments...)
}

func (c *Cluster) startScheduler() error {
	return c.run(partHyper, "kube-scheduler", "hyper", "kube-scheduler",
		"--kubeconfig", c.inside("etc", "scheduler.conf"), "--leader-elect=false", "--secure-port", "0")
}

// apiReady waits until the API server says so itself.
func (c *Cluster) apiReady(ctx context.Context) error {
	authority, err := os.ReadFile(filepath.Join(c.config.StateDir, "etc", "pki", "ca.crt"))
	if err != nil {
		return fmt.Errorf("read the cluster's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("read the cluster's authority: it isn't a certificate")
	}
	transport := &http.Transport{DialContext: c.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	return c.until(ctx, "the API server", func(ctx context.Context) error {
		return answers(ctx, transport, "https://"+c.at.api+"/readyz")
	})
}

// answers is nil when url answers 200.
func answers(ctx context.Context, transport http.RoundTripper, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
