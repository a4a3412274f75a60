package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// etcd is that of an API server without nodes, asked by its JSON door: this module links no gRPC.
type etcd struct {
	url  string
	http *http.Client
}

// keyValue is one object, in the API server's own form.
type keyValue struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value,omitempty"`
}

// registry is where the API server keeps everything.
const registry = "/registry/"

// copiers fill etcd and the log at once.
const copiers = 16

// openEtcd opens the one that listens at url, with the certificates that lie in its API server's folder.
func openEtcd(url, state string) (*etcd, error) {
	pki := filepath.Join(state, "etc", "pki")
	certificate, err := tls.LoadX509KeyPair(filepath.Join(pki, "apiserver-etcd-client.crt"), filepath.Join(pki, "apiserver-etcd-client.key"))
	if err != nil {
		return nil, fmt.Errorf("read etcd's client certificate: %w", err)
	}
	authority, err := os.ReadFile(filepath.Join(pki, "etcd", "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read etcd's authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &etcd{url: url, http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: roots}, MaxIdleConnsPerHost: copiers,
	}}}, nil
}

// all lists every object; it is for an API server with hardly anything in it.
func (e *etcd) all(ctx context.Context) ([]keyValue, error) {
	var found struct {
		Pairs []keyValue `json:"kvs"`
	}
	// The end of a range over a prefix is the prefix with its last byte one higher.
	end := []byte(registry)
	end[len(end)-1]++
	err := e.ask(ctx, "range", map[string]any{"key": []byte(registry), "range_end": end}, &found)
	return found.Pairs, err
}

// put writes the objects of one store, all of them or none: nobody who looks on sees a pod without its owner.
func (e *etcd) put(ctx context.Context, objects []keyValue) error {
	puts := make([]any, len(objects))
	for i, o := range objects {
		puts[i] = map[string]any{"request_put": o}
	}
	return e.ask(ctx, "txn", map[string]any{"success": puts}, nil)
}

func (e *etcd) ask(ctx context.Context, what string, in, out any) (err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	path := "/v3/kv/" + what
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := e.http.Do(request)
	if err != nil {
		return fmt.Errorf("ask etcd: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask etcd: %s: %s", path, response.Status)
	}
	if out == nil {
		out = &struct{}{}
	}
	return json.NewDecoder(response.Body).Decode(out)
}
