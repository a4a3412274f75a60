package release_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/config"
)

// certificate is what cert-manager writes into a Secret, in a folder: of an authority, and for the names that the values ask for. The
// brokers of a test are on this machine.
type certificate struct {
	t      *testing.T
	folder string
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newCertificate(t *testing.T) *certificate {
	t.Helper()
	c := &certificate{t: t, folder: t.TempDir()}
	var err error
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	data, err := x509.CreateCertificate(rand.Reader, about, about, c.key.Public(), c.key)
	if err != nil {
		t.Fatal(err)
	}
	if c.ca, err = x509.ParseCertificate(data); err != nil {
		t.Fatal(err)
	}
	c.write("ca.crt", "CERTIFICATE", data)
	c.renew(2)
	return c
}

// renew writes the brokers' certificate with a number.
func (c *certificate) renew(serial int64) {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	data, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"store-platform-nats", "*.store-platform-nats-peers"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, c.ca, key.Public(), c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write("tls.crt", "CERTIFICATE", data)
	c.write("tls.key", "PRIVATE KEY", private)
}

func (c *certificate) write(name, kind string, data []byte) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func encrypted() map[string]any {
	values := production()
	set(values, "nats.tls.serverSecret", "broker-certificate")
	return values
}

// The chart's brokers, started from what it renders with a certificate, find each other by it and speak to nobody in clear. What was
// renewed is shown once they are told to look.
func TestPlatformBrokersSpeakTLS(t *testing.T) {
	certificates := newCertificate(t)
	brokers, doors := startBrokers(t, rendered(t, encrypted()), certificates.folder)
	// The one that was started last finds the environment as it was then.
	broker := brokers[len(brokers)-1]
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("pgateway"), 0o600); err != nil {
		t.Fatal(err)
	}
	service := config.NATS{URL: broker.ClientURL(), User: "gateway", PasswordFile: password, CAFile: filepath.Join(certificates.folder, "ca.crt")}
	shown := func() *x509.Certificate {
		ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
		defer cancel()
		nc, err := service.Connect(ctx, "gateway", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		state, err := nc.TLSConnectionState()
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0]
	}
	first := shown()
	if err := first.VerifyHostname("store-platform-nats-2.store-platform-nats-peers"); err != nil {
		t.Errorf("where they aren't all on one machine they don't know each other: %v", err)
	}
	plain := strings.Replace(broker.ClientURL(), "tls://", "nats://", 1)
	if nc, err := nats.Connect(plain, nats.UserInfo("gateway", "pgateway")); err == nil {
		nc.Close()
		t.Error("who trusts no authority of ours is connected")
	}
	if err := join(t, doors[0].Address); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("to who has no certificate and would be a broker it says: %v", err)
	}
	certificates.renew(3)
	if err := broker.Reload(); err != nil {
		t.Fatalf("told to look again: %v", err)
	}
	if renewed := shown(); renewed.SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("a service is shown the old certificate after another was written")
	}
}

// join is what comes of it when somebody without a certificate goes to a broker's address for routes.
func join(t *testing.T, address string) error {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(startTimeout)); err != nil {
		t.Fatal(err)
	}
	// Only the answer says whether the handshake's end was taken.
	_, err = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Read(make([]byte, 1))
	return err
}

// Services go to the broker by TLS and find who vouches for it; a container beside it looks after renewals, as the same user.
func TestPlatformChartHandsCertificatesOut(t *testing.T) {
	objects := rendered(t, encrypted())
	for service, variables := range environments(t, objects) {
		if variables["NATS_USER"] == "" {
			continue
		}
		if variables["NATS_URL"] != "tls://store-platform-nats:4222" || variables["NATS_CA_FILE"] != "/broker/ca.crt" {
			t.Errorf("%s goes to %s and trusts %s", service, variables["NATS_URL"], variables["NATS_CA_FILE"])
		}
	}
	volume := podSpec(one(t, objects, "Deployment", "store-platform-gateway"))["volumes"].([]any)[0].(map[string]any)
	sources := volume["projected"].(map[string]any)["sources"].([]any)
	if want := as(t, `{secret: {name: broker-certificate, items: [{key: ca.crt, path: ca.crt}]}}`); len(sources) != 2 || !reflect.DeepEqual(sources[1], want) {
		t.Errorf("the gateway finds %v", sources)
	}
	spec := podSpec(one(t, objects, "StatefulSet", "store-platform-nats"))
	containers := spec["containers"].([]any)
	if len(containers) != 2 || spec["shareProcessNamespace"] != true {
		t.Fatalf("nobody looks after renewals: %v", spec)
	}
	broker, beside := containers[0].(map[string]any), containers[1].(map[string]any)
	if beside["image"] != broker["image"] || !reflect.DeepEqual(beside["securityContext"], broker["securityContext"]) {
		t.Errorf("beside the broker is %v", beside)
	}
	config := one(t, objects, "ConfigMap", "store-platform-nats").Object["data"].(map[string]any)["nats.conf"].(string)
	script := beside["args"].([]any)[0].(string)
	if !strings.Contains(config, "pid_file: /run/nats/nats.pid") || !strings.Contains(script, "reload=/run/nats/nats.pid") {
		t.Errorf("the broker leaves its number elsewhere than it is looked for:\n%s\n%s", config, script)
	}
}

// measured has the brokers measured, too.
func measured(values map[string]any) map[string]any {
	set(values, "nats.exporter.enabled", true)
	set(values, "networkPolicies.metricsFrom", []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"name": "monitoring"}}}})
	return values
}

// The exporter stands beside each broker, and who may scrape reaches it.
func TestPlatformChartMeasuresBrokers(t *testing.T) {
	objects := rendered(t, measured(production()))
	spec := podSpec(one(t, objects, "StatefulSet", "store-platform-nats"))
	containers, user := spec["containers"].([]any), spec["securityContext"].(map[string]any)["runAsUser"]
	if len(containers) != 2 || !reflect.DeepEqual(containers[1].(map[string]any)["ports"], as(t, `ports: [{name: metrics, containerPort: 7777}]`)["ports"]) {
		t.Errorf("beside the broker is %v", containers[1:])
	}
	// Where processes are shared, passwords of the broker's stand in what its user may read.
	if security := containers[1].(map[string]any)["securityContext"].(map[string]any); security["runAsUser"] == nil || security["runAsUser"] == user {
		t.Errorf("the exporter is the broker's own user: %v", security)
	}
	rules := one(t, objects, "NetworkPolicy", "store-platform-nats").Object["spec"].(map[string]any)["ingress"].([]any)
	want := as(t, `{ports: [{port: metrics}], from: [{namespaceSelector: {matchLabels: {name: monitoring}}}]}`)
	if !slices.ContainsFunc(rules, func(rule any) bool { return reflect.DeepEqual(rule, want) }) {
		t.Errorf("nobody reaches it: %v", rules)
	}
	if containers := podSpec(one(t, rendered(t, production()), "StatefulSet", "store-platform-nats"))["containers"].([]any); len(containers) != 1 {
		t.Errorf("what nobody asked for is there: %v", containers)
	}
}
