package release_test

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/store-platform/store-platform/pkg/cluster"
)

const adminKey = "a-key-that-nobody-guesses"

// set puts a value where its path says, as --set would.
func set(values map[string]any, at string, value any) {
	keys := strings.Split(at, ".")
	for _, key := range keys[:len(keys)-1] {
		branch, ok := values[key].(map[string]any)
		if !ok {
			branch = map[string]any{}
			values[key] = branch
		}
		values = branch
	}
	values[keys[len(keys)-1]] = value
}

func trusting(networks ...any) func(values map[string]any) {
	return func(values map[string]any) { set(values, "gateway.trustProxy", networks) }
}

// everythingSet is production with the values that nobody must set. Numbers are as JSON has them, and large: Helm would write
// a million as 1e+06.
func everythingSet() map[string]any {
	values := production()
	for at, value := range map[string]any{
		"auth.adminKey":                      adminKey,
		"logLevel":                           "debug",
		"otlpEndpoint":                       "http://collector:4318",
		"image.registry":                     "registry.example/team",
		"gateway.maxStores":                  7.0,
		"gateway.rateLimit":                  map[string]any{"enabled": false, "capacity": 1e6, "refillPerSec": 1.5},
		"gateway.createRateLimit":            map[string]any{"capacity": 1e6, "refillPerSec": 2.5},
		"gateway.corsOrigins":                []any{"https://shop.example", "http://localhost:3000"},
		"gateway.publicURL":                  "https://stores.example",
		"gateway.oidc.secret":                "providers",
		"events.feedMaxConnections":          1e6,
		"events.feedMaxConnectionsPerTenant": 2e6,
		"provisioner.slots":                  3e6,
		"provisioner.helmSlots":              4e6,
		"engines.demo":                       true,
		"engines.settings":                   map[string]any{"corner": map[string]any{"size": 1}},
		"engines.packs":                      map[string]any{"persistentVolumeClaim": map[string]any{"claimName": "packs"}},
		"ingress.address":                    "ingress.ingress.svc:443",
		"stores":                             map[string]any{"storageClass": "fast", "pullSecrets": []any{"registry"}, "headRoom": map[string]any{"cpu": "100m"}},
		"janitor.slots":                      5e6,
		"janitor.sweepEvery":                 "1m30s",
		"backup.keep":                        6e6,
		"nats.bundled":                       false,
		"nats.url":                           "tls://broker.example:4222",
		"nats.existingSecret":                "broker",
		"nats.tls":                           map[string]any{"caSecret": "private-ca", "clientSecret": "us"},
	} {
		set(values, at, value)
	}
	return values
}

// environments are what each service's container is told, secrets as name/key.
func environments(t *testing.T, objects []*unstructured.Unstructured) map[string]map[string]string {
	t.Helper()
	found := map[string]map[string]string{}
	for _, object := range objects {
		content := podSpec(object)
		if content == nil {
			continue
		}
		var spec corev1.PodSpec
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &spec); err != nil {
			t.Fatal(err)
		}
		environment := map[string]string{}
		for _, variable := range spec.Containers[0].Env {
			environment[variable.Name] = variable.Value
			if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
				environment[variable.Name] = from.SecretKeyRef.Name + "/" + from.SecretKeyRef.Key
			}
		}
		found[spec.Containers[0].Name] = environment
	}
	return found
}

func TestPlatformChartTellsServicesWhatIsSet(t *testing.T) {
	objects, err := renderPlatform(t, everythingSet())
	if err != nil {
		t.Fatal(err)
	}
	told := environments(t, objects)
	for service, variables := range map[string]map[string]string{
		"gateway": {
			"ADMIN_API_KEY": "store-platform-admin/admin-api-key", "MAX_STORES": "7", "TRUST_PROXY": "10.244.0.0/16,2001:db8::7",
			"RATE_LIMIT_ENABLED": "false", "RATE_LIMIT_CAPACITY": "1000000", "RATE_LIMIT_REFILL_PER_SEC": "1.5",
			"CORS_ORIGINS": "https://shop.example,http://localhost:3000", "PUBLIC_URL": "https://stores.example", "OIDC_PROVIDERS": "/oidc/providers.yaml",
			"CREATE_RATE_LIMIT_CAPACITY": "1000000", "CREATE_RATE_LIMIT_REFILL_PER_SEC": "2.5",
			"LOG_LEVEL": "debug", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
		},
		"events":      {"FEED_MAX_CONNECTIONS": "1000000", "FEED_MAX_CONNECTIONS_PER_TENANT": "2000000"},
		"provisioner": {"SLOTS": "3000000", "HELM_SLOTS": "4000000", "DEMO_ENGINES": "true", "ENGINES_DIR": "/packs", "ENGINE_SETTINGS": "/engines/settings.yaml", "STORES_SETTINGS": "/stores/settings.yaml", "INGRESS_ADDR": "ingress.ingress.svc:443", "IMAGE_REGISTRY": "registry.example/team"},
		"janitor":     {"SLOTS": "5000000", "SWEEP_EVERY": "1m30s"},
		"backup":      {"BACKUP_KEEP": "6000000", "BACKUP_KEYS": "backup-keys/keys", "INSTALLATION": "prod"},
	} {
		for variable, want := range variables {
			if have := told[service][variable]; have != want {
				t.Errorf("%s is told %s=%q, want %q", service, variable, have, want)
			}
		}
	}
}

// Each program finds its own password, the authority and the certificate in files where it is told to look, and none in what a
// container's environment holds as long as it lives.
func TestPlatformChartKeepsWhatTheBrokerAsksForInFiles(t *testing.T) {
	objects, err := renderPlatform(t, everythingSet())
	if err != nil {
		t.Fatal(err)
	}
	told, seen := environments(t, objects), 0
	for _, object := range objects {
		content := podSpec(object)
		if content == nil {
			continue
		}
		var spec corev1.PodSpec
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &spec); err != nil {
			t.Fatal(err)
		}
		service := spec.Containers[0].Name
		user := told[service]["NATS_USER"]
		if user == "" {
			continue
		}
		seen++
		files := map[string]string{}
		for _, mount := range spec.Containers[0].VolumeMounts {
			for _, volume := range spec.Volumes {
				if volume.Name != mount.Name || volume.Projected == nil {
					continue
				}
				for _, source := range volume.Projected.Sources {
					for _, item := range source.Secret.Items {
						files[path.Join(mount.MountPath, item.Path)] = source.Secret.Name + "/" + item.Key
					}
				}
			}
		}
		for variable, want := range map[string]string{
			"NATS_PASSWORD_FILE": "broker/" + user, "NATS_CA_FILE": "private-ca/ca.crt",
			"NATS_CERT_FILE": "us/tls.crt", "NATS_KEY_FILE": "us/tls.key",
		} {
			if have := files[told[service][variable]]; have != want {
				t.Errorf("%s finds %q where %s leads, want %q; there are %v", service, have, variable, want, files)
			}
		}
	}
	if seen != 5 {
		t.Errorf("%d programs were looked at", seen)
	}
}

// What the chart writes is what the provisioner reads, with pull secrets where the pod finds them.
func TestPlatformChartTellsTheProvisionerOfStores(t *testing.T) {
	objects, err := renderPlatform(t, everythingSet())
	if err != nil {
		t.Fatal(err)
	}
	var settings cluster.Settings
	var mounts []string
	for _, object := range objects {
		switch object.GetKind() + " " + object.GetName() {
		case "ConfigMap store-platform-stores":
			text, _, _ := unstructured.NestedString(object.Object, "data", "settings.yaml")
			if settings, err = cluster.ParseSettings([]byte(text)); err != nil {
				t.Fatalf("the provisioner refuses what the chart writes: %v\n%s", err, text)
			}
		case "Deployment store-platform-provisioner":
			var spec corev1.PodSpec
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(podSpec(object), &spec); err != nil {
				t.Fatal(err)
			}
			for _, mount := range spec.Containers[0].VolumeMounts {
				mounts = append(mounts, mount.MountPath)
			}
		}
	}
	if settings.StorageClass != "fast" || settings.HeadRoom.CPU != "100m" || len(settings.PullSecrets) != 1 {
		t.Fatalf("it is told %+v", settings)
	}
	if secret := settings.PullSecrets[0]; secret.Name != "registry" || !slices.Contains(mounts, path.Dir(secret.File)) {
		t.Errorf("%s is looked for in %s, and mounted are %v", secret.Name, secret.File, mounts)
	}
}

// The key is in its Secret, and a pod is started anew when it changes; elsewhere, also for people who may read workloads,
// there is only the name of the Secret.
func TestPlatformChartKeepsTheAdminKeyInASecret(t *testing.T) {
	var stamps []string
	for _, key := range []string{adminKey, adminKey + "-changed"} {
		values := production()
		set(values, "auth.adminKey", key)
		objects, err := renderPlatform(t, values)
		if err != nil {
			t.Fatal(err)
		}
		var holders []string
		for _, object := range objects {
			text, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), key) {
				holders = append(holders, object.GetKind()+" "+object.GetName())
			}
			if object.GetKind() == "Deployment" && object.GetName() == "store-platform-gateway" {
				stamp, _, _ := unstructured.NestedString(object.Object, "spec", "template", "metadata", "annotations", "checksum/admin-key")
				stamps = append(stamps, stamp)
			}
		}
		if !slices.Equal(holders, []string{"Secret store-platform-admin"}) {
			t.Errorf("the key is in %v", holders)
		}
	}
	if len(stamps) != 2 || stamps[0] == stamps[1] {
		t.Errorf("pods with one key and with another are stamped %v", stamps)
	}
	for existing, want := range map[string]string{"operators": "operators/admin-api-key", "": ""} {
		values := production()
		set(values, "auth.existingSecret", existing)
		objects, err := renderPlatform(t, values)
		if err != nil {
			t.Fatal(err)
		}
		if have := environments(t, objects)["gateway"]["ADMIN_API_KEY"]; have != want {
			t.Errorf("with the Secret %q the key is taken from %q", existing, have)
		}
		for _, object := range objects {
			if object.GetKind() == "Secret" && object.GetName() == "store-platform-admin" {
				t.Errorf("with the Secret %q the chart makes one, too", existing)
			}
		}
	}
}
