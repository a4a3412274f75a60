package bench

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// object is one of Kubernetes'.
type object struct {
	// path is its collection's.
	path, name string
	body       json.RawMessage
}

// recipe is what a store that the platform has made consists of, besides its chart: whoever follows it makes the same.
type recipe struct {
	id           store.ID
	installation string
	objects      []object
	values       string
}

// of is the recipe for another store. It carries a label of another installation, so that the platform doesn't watch
// what isn't its own.
func (r recipe) of(id store.ID) recipe {
	replace := strings.NewReplacer(string(r.id), string(id), r.installation, "by-hand")
	made := recipe{id: id, installation: "by-hand", values: replace.Replace(r.values)}
	for _, o := range r.objects {
		made.objects = append(made.objects, object{
			path: replace.Replace(o.path), name: replace.Replace(o.name), body: json.RawMessage(replace.Replace(string(o.body))),
		})
	}
	return made
}

// copyRecipe reads a store's guardrails and values from the cluster. The platform's rights are no part of it: the
// administrator has others.
func (b *bench) copyRecipe(k *platform.Kubernetes, id store.ID) recipe {
	b.Helper()
	r := recipe{id: id}
	space := "/api/v1/namespaces/" + id.Namespace()
	var namespace map[string]any
	b.read(k, space, &namespace)
	labels := metadata(namespace)["labels"].(map[string]any)
	r.installation, _ = labels["store-platform.io/installation"].(string)
	if r.installation == "" {
		b.Fatalf("namespace %s has no label of its installation", id.Namespace())
	}
	r.objects = append(r.objects, b.copyObject("/api/v1/namespaces", namespace))
	for _, collection := range []struct {
		path string
		only []string
	}{
		{space + "/serviceaccounts", []string{"default"}},
		{space + "/resourcequotas", nil},
		{space + "/limitranges", nil},
		{strings.Replace(space, "/api/v1", "/apis/networking.k8s.io/v1", 1) + "/networkpolicies", nil},
		{space + "/secrets", []string{"store-credentials"}},
	} {
		var list struct {
			Items []map[string]any `json:"items"`
		}
		b.read(k, collection.path, &list)
		for _, item := range list.Items {
			if name := metadata(item)["name"].(string); collection.only == nil || slices.Contains(collection.only, name) {
				r.objects = append(r.objects, b.copyObject(collection.path, item))
			}
		}
	}
	r.values = b.copyValues(k, space)
	return r
}

func metadata(o map[string]any) map[string]any {
	m, _ := o["metadata"].(map[string]any)
	return m
}

// copyObject keeps what somebody wanted and drops what the cluster added.
func (b *bench) copyObject(path string, o map[string]any) object {
	b.Helper()
	name, _ := metadata(o)["name"].(string)
	o["metadata"] = map[string]any{"name": name, "labels": metadata(o)["labels"]}
	delete(o, "status")
	body, err := json.Marshal(o)
	b.must("encode "+name, err)
	return object{path: path, name: name, body: body}
}

func (b *bench) read(k *platform.Kubernetes, path string, out any) {
	b.Helper()
	status, err := k.Do(b.ctx, http.MethodGet, path, nil, out)
	if err != nil || status != http.StatusOK {
		b.Fatalf("read %s: %d %w", path, status, err)
	}
}

// copyValues reads the values out of the release, as Helm keeps it.
func (b *bench) copyValues(k *platform.Kubernetes, space string) string {
	b.Helper()
	var secret struct {
		Data struct {
			Release []byte `json:"release"`
		} `json:"data"`
	}
	b.read(k, space+"/secrets/sh.helm.release.v1.store.v1", &secret)
	values, err := decodeValues(secret.Data.Release)
	b.must("read the release", err)
	return values
}

func decodeValues(text []byte) (string, error) {
	packed, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return "", err
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(reader)
	if err != nil {
		return "", err
	}
	var release struct {
		Config json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(data, &release); err != nil {
		return "", err
	}
	if len(release.Config) == 0 {
		return "", fmt.Errorf("the release has no values")
	}
	return string(release.Config), nil
}
