package release_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/store-platform/store-platform/pkg/bustest"
)

// The chart's brokers, started from what it renders, find each other; whoever has no password is no route.
func TestPlatformBrokersLetOnlyEachOtherIn(t *testing.T) {
	objects, err := renderPlatform(t, production())
	if err != nil {
		t.Fatal(err)
	}
	_, doors := startBrokers(t, objects, "")
	for _, who := range []string{`{"cluster":"store-platform"}`, `{"cluster":"store-platform","user":"route","pass":"x"}`} {
		if said := greet(t, doors[0].Address, who); !strings.Contains(said, "Authorization Violation") {
			t.Errorf("to a stranger who says %s it says %q", who, said)
		}
	}
}

// What is installed is the broker that everything here was tried with.
func TestPlatformBrokersAreThoseThatAreTested(t *testing.T) {
	image := "nats:" + server.VERSION + "-alpine"
	if installed := containerOf(t, one(t, rendered(t, production()), "StatefulSet", "store-platform-nats"))["image"]; installed != image {
		t.Errorf("the chart installs %v, and tried is %s", installed, image)
	}
	compose, err := os.ReadFile(filepath.Join(platformChart, "../../docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(compose), "image: "+image+"\n") {
		t.Errorf("docker-compose.yaml doesn't run %s", image)
	}
}

// startBrokers are the chart's three, joined; certificates is a folder that holds what their Secret does, or empty.
func startBrokers(t *testing.T, objects []*unstructured.Unstructured, certificates string) ([]*server.Server, []*bustest.Door) {
	t.Helper()
	var brokers []*server.Server
	var doors []*bustest.Door
	for range 3 {
		doors = append(doors, bustest.NewDoor(t))
	}
	for i, door := range doors {
		broker := startBroker(t, objects, i, doors, certificates)
		if !broker.ReadyForConnections(startTimeout) {
			t.Fatal("a broker doesn't accept connections")
		}
		door.LeadTo(broker.ClusterAddr().String())
		brokers = append(brokers, broker)
	}
	deadline := time.After(startTimeout)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for joined := false; !joined; {
		for _, broker := range brokers {
			joined = joined || broker.JetStreamIsLeader() && len(broker.JetStreamClusterPeers()) == len(brokers)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("they didn't become a cluster")
		}
	}
	return brokers, doors
}

// startTimeout is for a machine that has other things to do.
const startTimeout = 90 * time.Second

// greet connects to a broker's address for routes and returns what it answers to a CONNECT, INFO and PING aside.
func greet(t *testing.T, address, connect string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s\r\nPING\r\n", connect); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if text := lines.Text(); !strings.HasPrefix(text, "INFO") && !strings.HasPrefix(text, "PING") {
			return text
		}
	}
	return fmt.Sprint("nothing: ", lines.Err())
}

// startBroker is pod number i of the chart's StatefulSet, on any ports of this machine; the others are behind doors.
func startBroker(t *testing.T, objects []*unstructured.Unstructured, i int, doors []*bustest.Door, certificates string) *server.Server {
	t.Helper()
	name, dir := fmt.Sprintf("store-platform-nats-%d", i), t.TempDir()
	for _, object := range objects {
		if object.GetName() != "store-platform-nats" {
			continue
		}
		switch object.GetKind() {
		case "ConfigMap":
			files, _, _ := unstructured.NestedStringMap(object.Object, "data")
			here := strings.NewReplacer("0.0.0.0:6222", "127.0.0.1:-1", "0.0.0.0:4222", "127.0.0.1:-1",
				"0.0.0.0:8222", "127.0.0.1:-1", "/data", dir, "/tls/", certificates+"/", "/run/nats", dir)
			for file, text := range files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(here.Replace(text)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		case "StatefulSet":
			for variable, value := range environmentOf(t, object, name) {
				for n, door := range doors {
					host := fmt.Sprintf("store-platform-nats-%d.store-platform-nats-peers:6222", n)
					value = strings.ReplaceAll(value, host, door.Address)
				}
				t.Setenv(variable, value)
			}
		}
	}
	options, err := server.ProcessConfigFile(filepath.Join(dir, "nats.conf"))
	if err != nil {
		t.Fatalf("nats-server refuses the chart's configuration: %v", err)
	}
	if len(options.Routes) != len(doors) {
		t.Errorf("%s knows the routes %v", name, options.Routes)
	}
	options.NoSigs, options.NoLog = true, true
	broker, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	return broker
}

// environmentOf is what the kubelet would set: a password is "p" and its key, the other reference is the pod's name.
func environmentOf(t *testing.T, workload *unstructured.Unstructured, pod string) map[string]string {
	t.Helper()
	var spec corev1.PodSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(podSpec(workload), &spec); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{}
	for _, variable := range spec.Containers[0].Env {
		value := variable.Value
		switch from := variable.ValueFrom; {
		case from == nil:
			for earlier, known := range environment {
				value = strings.ReplaceAll(value, "$("+earlier+")", known)
			}
		case from.SecretKeyRef != nil:
			value = "p" + from.SecretKeyRef.Key
		default:
			value = pod
		}
		environment[variable.Name] = value
	}
	return environment
}
