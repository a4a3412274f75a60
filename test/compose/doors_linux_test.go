package compose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/store-platform/store-platform/test/internal/platform"
)

// Doors in the daemon's network, at the ports that testdata and the bases name.
const (
	apiPort, storesPort = 6443, 80
	// filesPort serves Go's modules and k3s' kubeconfig.
	filesPort = 8081
	// imagesPort takes archives of images.
	imagesPort = 9000

	// modulesInside is where a build finds modules: the daemon's own bridge always has this address.
	modulesInside = "http://172.17.0.1:8081"
)

// openDoors leads from the daemon's network to this machine's Go proxy and to the tests' cluster.
func (d *daemon) openDoors(p *platform.Platform) {
	d.Helper()
	certificate, authority := d.certify("k3s", "127.0.0.1")
	api := tls.NewListener(d.listen(apiPort), &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}})
	administrator := rand.Text()
	kubernetes := p.Kubernetes(d.T)
	d.serve(api, d.apiDoor(kubernetes, administrator))
	files := http.NewServeMux()
	files.Handle("/", d.modules())
	files.HandleFunc("/kubeconfig", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, kubeconfig, authority, administrator) })
	d.serve(d.listen(filesPort), files)
	go platform.Relay(d.listen(storesPort), func() (net.Conn, error) { return net.DialTimeout("tcp", p.Stores, time.Minute) })
	node := kubernetes.Node(d.T)
	d.accept(imagesPort, func(c net.Conn) { d.load(c, node) })
}

// kubeconfig is as k3s writes its administrator's, but for how that one is known.
const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: default, cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: "%s"}}]
users: [{name: default, user: {token: "%s"}}]
contexts: [{name: default, context: {cluster: default, user: default}}]
current-context: default
`

// apiDoor hands requests to the cluster's API: with the administrator's certificate those of who shows the token, and all others
// as they come. It ends TLS because the API server's certificate doesn't know it as k3s.
func (d *daemon) apiDoor(k *platform.Kubernetes, administrator string) http.Handler {
	d.Helper()
	target, err := url.Parse(k.Server)
	if err != nil {
		d.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(k.CA)
	as := func(transport http.RoundTripper) *httputil.ReverseProxy {
		return &httputil.ReverseProxy{
			FlushInterval: -1, Transport: transport,
			Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		}
	}
	anybody := as(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}})
	asAdministrator := as(k.Transport())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+administrator {
			anybody.ServeHTTP(w, r)
			return
		}
		r.Header.Del("Authorization")
		asAdministrator.ServeHTTP(w, r)
	})
}

// modules hands questions to the proxy of Go modules that this machine asks.
func (d *daemon) modules() http.Handler {
	d.Helper()
	first, _, _ := strings.Cut(goEnv(d.T, "GOPROXY"), ",")
	proxy, err := url.Parse(first)
	if err != nil || proxy.Host == "" {
		d.Fatalf("builds in containers want a proxy of Go modules first in GOPROXY, not %q", first)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(proxy) }}
}

func (d *daemon) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	d.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
}

func (d *daemon) accept(port int, handle func(net.Conn)) {
	d.Helper()
	listener := d.listen(port)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go handle(c)
		}
	}()
}

// load gives the tests' cluster an archive of images, as `make up` does, and answers in a word how that went.
func (d *daemon) load(c net.Conn, node platform.Node) {
	defer c.Close()
	answer := "imported"
	if err := d.importImages(c, node); err != nil {
		answer = err.Error()
	}
	_, _ = io.WriteString(c, answer+"\n")
}

func (d *daemon) importImages(archive io.Reader, node platform.Node) error {
	file, err := os.CreateTemp(d.dir, "images")
	if err != nil {
		return err
	}
	_, err = io.Copy(file, archive)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return errors.Join(node.Import(d.Context(), file.Name()), os.Remove(file.Name()))
}

// certify makes a certificate for a name and an address that is its own authority, and that authority as a kubeconfig has it.
func (d *daemon) certify(name, address string) (tls.Certificate, string) {
	d.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.ParseIP(address)},
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		d.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, base64.StdEncoding.EncodeToString(authority)
}
