package sources_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// site stands where wordpress.org is: under its names, by a certificate that curl is told to trust.
type site struct {
	*testing.T
	mu    sync.Mutex
	files map[string][]byte
	// curl is the folder of the settings that lead curl here.
	curl string
}

// serve answers with what is put there.
func serve(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, files: map[string][]byte{}, curl: t.TempDir()}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		content, found := s.files[r.Host+r.URL.Path]
		s.mu.Unlock()
		if !found {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	certificate := s.certify("wordpress.org", "downloads.wordpress.org")
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.lead(server.Listener.Addr().String())
	return s
}

// put makes a file to be had at an address, or with no content to be had no more.
func (s *site) put(address string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if content == nil {
		delete(s.files, address)
		return
	}
	s.files[address] = content
}

// lead sends curl to address, whichever host it asks for.
func (s *site) lead(address string) {
	s.Helper()
	settings := fmt.Sprintf("noproxy = \"*\"\nconnect-to = \"::%s\"\ncacert = %q\n", address, filepath.Join(s.curl, "ca.pem"))
	if err := os.WriteFile(filepath.Join(s.curl, ".curlrc"), []byte(settings), 0o600); err != nil {
		s.Fatal(err)
	}
}

// goAway leads curl to where nobody listens.
func (s *site) goAway() {
	s.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.lead(listener.Addr().String())
	if err := listener.Close(); err != nil {
		s.Fatal(err)
	}
}

func (s *site) certify(names ...string) tls.Certificate {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(s.curl, "ca.pem"), authority, 0o600); err != nil {
		s.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// run runs one of the image's scripts and answers what it says.
func (s *site) run(script string, args ...string) (string, error) {
	s.Helper()
	command := exec.CommandContext(s.Context(), filepath.Join(build, script), args...)
	command.Env = append(os.Environ(), "CURL_HOME="+s.curl, "TMPDIR="+s.TempDir())
	output, err := command.CombinedOutput()
	return string(output), err
}
