// Package installed_test holds the promises of the chart, installed by helm in the cluster that test/cluster has: in it there is nothing
// of the platform that make up runs beside but the cluster, and the door to the stores, which plays the ingress controller. The
// services run in pods, of images under the chart's own names (see package chart), as several replicas on three brokers.
package installed_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/chart"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// object is a part of values, or of one of Kubernetes' objects.
type object = chart.Values

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// loaded holds whether the cluster has the images: what kept it from that fails every test.
var loaded struct {
	once sync.Once
	err  error
}

// installation is the platform inside the cluster, as its users and its operator meet it.
type installation struct {
	*platform.Platform
	*chart.Release
	id string
}

// prepare loads the images and makes an installation that isn't installed yet. The door to the stores knows the gateway by the name
// "localhost", so only one installation can have it at a time.
func prepare(t *testing.T, id string) *installation {
	t.Helper()
	beside := platform.Open(t)
	loaded.once.Do(func() {
		loaded.err = errors.New("another test failed to load the images")
		archive, err := chart.Pack(t.Context(), t.TempDir())
		if err == nil {
			err = beside.Kubernetes(t).Node(t).Import(t.Context(), archive)
		}
		loaded.err = err
	})
	if loaded.err != nil {
		t.Fatal(loaded.err)
	}
	return &installation{
		Release: chart.New(t, beside, "installed-"+id), id: id,
		Platform: &platform.Platform{API: "http://" + beside.Base, Stores: beside.Stores, Base: beside.Base, Kubeconfig: beside.Kubeconfig},
	}
}

// values are what production has to say, for a cluster whose one node is shared: little is asked of it, and images are loaded.
func (i *installation) values() object {
	little := object{"requests": object{"cpu": "5m", "memory": "32Mi"}}
	return object{
		"installation": i.id, "baseDomain": i.Base, "storeScheme": "http",
		"auth":    object{"mode": "open", "openIsUnderstood": true},
		"image":   object{"pullPolicy": "Never"},
		"engines": object{"demo": true},
		"ingress": object{"className": "local"},
		"gateway": object{
			"resources": little, "ingress": object{"enabled": true}, "trustProxy": []string{doorAddress}, "maxStores": 200,
		},
		"events": object{"resources": little}, "provisioner": object{"resources": little}, "janitor": object{"resources": little},
		"nats":     object{"resources": little, "storage": "1Gi"},
		"postgres": object{"bundled": true, "resources": little, "storage": "1Gi"},
		"backup":   object{"resources": little},
	}
}

// doorAddress is whose connections pods see when the door to the stores sends them a request: their own node's.
const doorAddress = "10.244.0.1/32"

// ready creates a store of the smallest engine and waits until it is Ready. What is left of it goes with the test.
func (i *installation) ready(t *testing.T, name string) query.Store {
	t.Helper()
	created := i.Create(t, name)
	t.Cleanup(func() { i.removeNamespace(t, created.ID) })
	seen := i.Follow(t, "", created.ID).UntilType(t, store.BecameReady)
	return *seen[len(seen)-1].Store
}

// removeNamespace is what an operator does of whose platform is gone.
func (i *installation) removeNamespace(t *testing.T, id store.ID) {
	status, err := i.Do(context.WithoutCancel(t.Context()), http.MethodDelete, "/api/v1/namespaces/"+id.Namespace(), nil, nil)
	if err == nil && status >= 300 && status != http.StatusNotFound {
		err = fmt.Errorf("status %d", status)
	}
	if err != nil {
		t.Errorf("remove the namespace of store %s: %v", id, err)
	}
}
