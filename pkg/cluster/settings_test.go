package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/store-platform/store-platform/pkg/engine"
)

const everySetting = `storageClass: fast
dns:
  - {namespace: {kubernetes.io/metadata.name: dns}, pods: {app: resolver}}
  - {network: 169.254.20.10/32}
ingress:
  controller: ingress-nginx
  annotations: {example.org/wait: "5"}
  tls: {issuer: letsencrypt}
proxies: [203.0.113.0/24]
headRoom: {cpu: 100m, memory: 64Mi}
nodeSelector: {pool: shops}
tolerations:
  - {key: shops, operator: Exists, effect: NoSchedule}
`

func parsed(t *testing.T, text string) Settings {
	t.Helper()
	settings, err := ParseSettings([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

func TestSettingsThatAreWrongAreRefusedByName(t *testing.T) {
	t.Parallel()
	for text, names := range map[string]string{
		"storageClas: fast":                                       "storageClas",
		"storageClass: Fast_One":                                  "storageClass",
		"storageClass: [fast]":                                    "storageClass",
		"storageClass: a\nstorageClass: b":                        "storageClass",
		"dns: [{}]":                                               "dns[0]",
		"dns: [{pods: {a: b}, network: 10.0.0.0/8}]":              "dns[0]",
		"dns: [{network: 10.0.0.1}]":                              "dns[0].network",
		"dns: [{pods: {a b: c}}]":                                 "dns[0].pods",
		"dns: [{pods: {a: b}, ports: [53]}]":                      "ports",
		"proxies: [everywhere]":                                   "proxies[0]",
		"ingress: {controller: nginx}":                            "ingress.controller",
		"ingress: {annotations: {a b: c}}":                        "ingress.annotations",
		"ingress: {tls: {issuer: a, controller: true}}":           "ingress.tls",
		"ingress: {tls: {secret: a}}":                             "secret",
		"pullSecrets: [{name: registry}]":                         "pullSecrets[0].file",
		"pullSecrets: [{name: A, file: /a}]":                      "pullSecrets[0].name",
		"pullSecrets: [{name: " + SecretName + ", file: /a}]":     "pullSecrets[0].name",
		"headRoom: {cpu: much}":                                   "headRoom.cpu",
		"headRoom: {memory: -1Gi}":                                "headRoom.memory",
		"nodeSelector: {a b: c}":                                  "nodeSelector",
		"tolerations: [{key: a, operator: Is}]":                   "tolerations[0].operator",
		"tolerations: [{operator: Equal}]":                        "tolerations[0].operator",
		"tolerations: [{key: a, effect: Never}]":                  "tolerations[0].effect",
		"tolerations: [{key: a, operator: Exists, value: b}]":     "tolerations[0].value",
		"tolerations: [{key: a, value: b c}]":                     "tolerations[0].value",
		"tolerations: [{key: a, tolerationSeconds: 5}]":           "tolerations[0].effect",
		"dns: [{pods: {a: b}, port: 70000}]":                      "dns[0].port",
		"ingress: {tls: {issuer: Let's}}":                         "ingress.tls.issuer",
		"pullSecrets: [{name: a, file: /a}, {name: a, file: /b}]": "pullSecrets[1].name",
	} {
		if _, err := ParseSettings([]byte(text)); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "# nothing\n", everySetting} {
		if _, err := ParseSettings([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSettingsHaveADigest(t *testing.T) {
	t.Parallel()
	none, all := parsed(t, ""), parsed(t, everySetting)
	if none.Digest() != "" {
		t.Error("an installation that says nothing has a digest: all its stores would be refreshed")
	}
	if all.Digest() == "" || all.Digest() != parsed(t, everySetting).Digest() {
		t.Error("one installation's settings have two digests")
	}
	if all.Digest() == parsed(t, strings.Replace(everySetting, "fast", "slow", 1)).Digest() {
		t.Error("two have one")
	}
}

// What is said here all stores are refreshed for, once, when it changes: four at a time, and by nobody's hand.
func TestWhatIsSaidOfStoresHasWhatTheirIsolationIsMadeOf(t *testing.T) {
	t.Parallel()
	// Who means to render the isolation differently writes down here what it is now; firstRendering stays.
	const now = firstRendering
	rendered, err := rendering()
	if err != nil || rendered != now {
		t.Errorf("the isolation is rendered as %s, %v, and was as %s: this release refreshes all stores", rendered, err, now)
	}
	all := parsed(t, everySetting)
	if (Config{}).Said() != said("", "", now) || (Config{Settings: all}).Said() != said(all.Digest(), "", now) {
		t.Error("it isn't what is said")
	}
	if said("", "", firstRendering) != "" || said(all.Digest(), "", firstRendering) != all.Digest() {
		t.Error("an installation where nothing has changed says another thing than before: all its stores would be refreshed")
	}
	seen := map[string]string{}
	for _, settings := range []string{"", all.Digest()} {
		for _, namespace := range []string{"", "ingress", "other"} {
			for _, how := range []string{firstRendering, "another"} {
				what, digest := strings.Join([]string{settings, namespace, how}, ", "), said(settings, namespace, how)
				if before, same := seen[digest]; same {
					t.Errorf("%s and %s are said alike", before, what)
				}
				seen[digest] = what
			}
		}
	}
	if (Config{IngressNamespace: "ingress"}).Said() == (Config{IngressNamespace: "other"}).Said() {
		t.Error("another namespace of the ingress controller isn't said")
	}
}

func TestPullSecretsAreReadAndNotTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(credentials string) (Settings, error) {
		registry, file := filepath.Join(dir, "registry"), filepath.Join(dir, "settings")
		if err := os.WriteFile(registry, []byte(credentials), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("pullSecrets: [{name: registry, file: "+registry+"}]"), 0o600); err != nil {
			t.Fatal(err)
		}
		return ReadSettings(file)
	}
	one, err := write(`{"auths":{"registry.example":{"auth":"c2VjcmV0"}}}`)
	if err != nil || len(one.pullReferences()) != 1 || one.pullReferences()[0].Name != "registry" {
		t.Fatalf("%+v, %v", one, err)
	}
	other, err := write(`{"auths":{"registry.example":{"auth":"b3RoZXI="}}}`)
	if err != nil || one.Digest() == other.Digest() {
		t.Errorf("other credentials aren't told apart (%v): no store would get them", err)
	}
	for _, text := range []string{"c2VjcmV0", "{}"} {
		if _, err := write(text); err == nil || !strings.Contains(err.Error(), "pullSecrets[0].file") || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ReadSettings(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that isn't there was read")
	}
}

func TestSettingsOpenDoorsAndGiveRoom(t *testing.T) {
	t.Parallel()
	settings := parsed(t, everySetting)
	policies := networkPolicies("ingress", "platform", settings)
	to := policies["allow-dns"].Egress[0].To
	if len(to) != 2 || to[0].PodSelector.MatchLabels["app"] != "resolver" || to[1].IPBlock == nil || to[1].IPBlock.CIDR != "169.254.20.10/32" {
		t.Errorf("names are asked of %+v", to)
	}
	if from := policies["allow-ingress"].Ingress[0].From; len(from) != 3 || from[0].IPBlock == nil {
		t.Errorf("let in are %+v", from)
	}
	hidden := parsed(t, "dns: [{pods: {app: resolver}, port: 5353}, {network: 10.0.0.10/32}]").askNames()
	if len(hidden) != 2 || hidden[0].Ports[0].Port.IntValue() != 5353 || hidden[1].Ports[0].Port.IntValue() != 53 {
		t.Errorf("where a resolver has a port of its own: %+v", hidden)
	}
	to = networkPolicies("", "", Settings{})["allow-dns"].Egress[0].To
	if len(to) != 1 || to[0].PodSelector.MatchLabels["k8s-app"] != "kube-dns" {
		t.Errorf("where nothing is said names are asked of %+v", to)
	}
	plan, err := newPlanLimits(engine.Plan{CPU: "500m", Memory: "256Mi", Storage: "1Gi"})
	if err != nil {
		t.Fatal(err)
	}
	roomy, err := plan.with(settings.HeadRoom)
	if err != nil {
		t.Fatal(err)
	}
	hard := roomy.quota().Hard
	cpu, memory := hard[corev1.ResourceLimitsCPU], hard[corev1.ResourceRequestsMemory]
	if cpu.String() != "600m" || memory.String() != "320Mi" {
		t.Errorf("the quota is %s and %s", cpu.String(), memory.String())
	}
	before := plan.quota().Hard[corev1.ResourceLimitsCPU]
	if before.String() != "500m" {
		t.Errorf("without head room the quota is %s", before.String())
	}
}

func TestRoutesAreWhatTheControllerTakes(t *testing.T) {
	t.Parallel()
	hosts := []string{"store.example"}
	issued := parsed(t, everySetting)
	annotations := issued.RouteAnnotations()
	for name, want := range map[string]string{
		"cert-manager.io/cluster-issuer": "letsencrypt", "nginx.ingress.kubernetes.io/force-ssl-redirect": "true", "example.org/wait": "5",
	} {
		if annotations[name] != want {
			t.Errorf("%s is %q", name, annotations[name])
		}
	}
	if tls := issued.RouteTLS(hosts); len(tls) != 1 || tls[0].SecretName == "" || tls[0].Hosts[0] != hosts[0] {
		t.Errorf("TLS %+v", tls)
	}
	controllers := parsed(t, "ingress: {controller: traefik, tls: {controller: true}}")
	if tls := controllers.RouteTLS(hosts); len(tls) != 1 || tls[0].SecretName != "" {
		t.Errorf("TLS %+v", tls)
	}
	var none []networkingv1.IngressTLS
	if tls := (Settings{}).RouteTLS(hosts); tls != nil || len((Settings{}).RouteAnnotations()) != len(none) {
		t.Errorf("where nothing is said: %v", tls)
	}
}

func TestAPrivateRegistryIsToldFromAMissingImage(t *testing.T) {
	t.Parallel()
	r := rollout{kind: kindDeployment, name: "web"}
	for detail, private := range map[string]bool{
		`failed to authorize: 401 Unauthorized`:                                    true,
		`pull access denied, repository does not exist or may require credentials`: true,
		`no basic auth credentials`:                                                true,
		`manifest for shop:1 not found`:                                            false,
		`dial tcp 192.0.2.40:443: i/o timeout`:                                     false,
	} {
		e := notReady(r, "ImagePullBackOff", detail)
		if (e.Sentence == signInSentence) != private || strings.Contains(e.Detail, "pullSecrets in STORES_SETTINGS") != private {
			t.Errorf("%s: %s (%s)", detail, e.Sentence, e.Detail)
		}
	}
}
