package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
)

// authority vouches for certificates, in files.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// file holds its own certificate.
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.file, _ = a.vouch("ca")
	return a
}

// vouch makes a certificate with its key; the first is the authority's own.
func (a *authority) vouch(name string) (certFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: a.cert == nil, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if a.cert == nil {
		a.key, a.cert = key, about
	}
	data, err := x509.CreateCertificate(rand.Reader, about, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.cert == about {
		if a.cert, err = x509.ParseCertificate(data); err != nil {
			a.t.Fatal(err)
		}
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	text := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	return write(a.t, filepath.Join(a.dir, name+".pem"), text("CERTIFICATE", data)),
		write(a.t, filepath.Join(a.dir, name+".key"), text("PRIVATE KEY", private))
}

// A broker that an authority of its owner's vouches for, and that wants to be shown such a certificate, too.
func TestABrokerOfAPrivateAuthority(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	own, err := tls.LoadX509KeyPair(ca.vouch("broker"))
	if err != nil {
		t.Fatal(err)
	}
	broker := bustest.StartServer(t, &server.Options{
		TLS: true, TLSVerify: true, TLSTimeout: 30,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert},
	})
	cert, key := ca.vouch("gateway")
	nc := connect(t, config.NATS{URL: broker.ClientURL(), CAFile: ca.file, CertFile: cert, KeyFile: key})
	if _, err := nc.TLSConnectionState(); err != nil {
		t.Error(err)
	}
}
