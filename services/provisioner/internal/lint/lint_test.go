package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/services/provisioner/engines"
)

const shipped = "../../engines"

func TestShippedPacksAreClean(t *testing.T) {
	packs, err := engine.Load(engines.Packs)
	if err != nil || len(packs) == 0 {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
	for _, pack := range packs {
		faults, err := Folder(filepath.Join(shipped, engine.Folder(engines.Packs, pack)))
		if err != nil || len(faults) > 0 {
			t.Errorf("%s: %v\n%s", pack.Name, err, strings.Join(faults, "\n"))
		}
	}
}

// spoilt is a copy of the sample pack with one thing changed in one of its files or of the library's.
func spoilt(t *testing.T, file, old, changed string) string {
	t.Helper()
	packs := t.TempDir()
	for _, name := range []string{"sample", "_library"} {
		if err := os.CopyFS(filepath.Join(packs, name), os.DirFS(filepath.Join(shipped, name))); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(packs, "sample")
	path := filepath.Join(folder, file)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(content), old, changed, 1)
	if text == string(content) {
		t.Fatalf("%s doesn't hold %q", file, old)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// A version of an engine lies in the engine's folder, with a copy of what its chart uses, and doesn't change once it is
// released.
func TestAVersionsFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sample", "1.0.0")
	for from, to := range map[string]string{"sample": "", "_library": "chart/charts/library"} {
		if err := os.CopyFS(filepath.Join(folder, to), os.DirFS(filepath.Join(shipped, from))); err != nil {
			t.Fatal(err)
		}
	}
	packs, name := place(folder)
	digest, err := engine.Digest(packs, engine.Pack{Name: "sample", Version: "1.0.0"})
	if err != nil || name != "sample/1.0.0" {
		t.Fatalf("%s: %v", name, err)
	}
	for mark, faulty := range map[string]bool{digest: false, "another": true} {
		if err := os.WriteFile(filepath.Join(folder, "released"), []byte(mark), 0o600); err != nil {
			t.Fatal(err)
		}
		faults, err := Folder(folder)
		if err != nil || len(faults) > 0 != faulty || faulty && !strings.Contains(faults[0], digest) {
			t.Errorf("released as %s: %v, %q", mark, err, faults)
		}
	}
}

func TestFolderFinds(t *testing.T) {
	const (
		deployment = "chart/templates/deployment.yaml"
		sign       = "chart/templates/sign.yaml"
		service    = "../_library/templates/_network.tpl"
		page       = "chart/templates/suspended.yaml"
		volume     = "chart/templates/volume.yaml"
		security   = "../_library/templates/_pods.tpl"
	)
	for want, change := range map[string][3]string{
		"the chart has no StatefulSet database":     {"engine.yaml", "workloads:\n", "workloads:\n  - {kind: StatefulSet, name: database}\n"},
		"no init container install":                 {"engine.yaml", "progress: Starting the shop", "phases: {install: Installing}"},
		"failures: there is no init container":      {"engine.yaml", "progress:\n", "failures:\n  - {container: install, exitCode: 3, reason: Broken, message: It broke.}\nprogress:\n"},
		"components: store has no container mysql":  {"engine.yaml", "progress:\n", "components:\n  - {name: data, title: Data, workload: store, container: mysql, backup: [a], restore: [b]}\nprogress:\n"},
		"check: the chart has no Service shop with": {"engine.yaml", "check:\n  service: store", "check:\n  service: shop"},
		"no Service store with port 8080":           {"engine.yaml", "port: 80\n", "port: 8080\n"},
		"nobody reads the key other":                {"engine.yaml", "secretKey: cookie-key", "secretKey: other"},
		"reads the key cookie-key":                  {"engine.yaml", "secretKey: cookie-key", "secretKey: other"},
		"which isn't in images":                     {deployment, ".Values.images.shop", `"elsewhere:1"`},
		"isn't restricted":                          {security, "runAsNonRoot: true", "runAsNonRoot: false"},
		"can write to its root":                     {security, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"},
		"a token of the API server":                 {security, "automountServiceAccountToken: false", "automountServiceAccountToken: true"},
		"shop is probed every 5 seconds":            {deployment, "periodSeconds: 30", "periodSeconds: 5"},
		"shop is probed by a command":               {deployment, "          livenessProbe:\n            httpGet:\n              path: /livez\n              port: http\n", "          livenessProbe:\n            exec:\n              command: [ls]\n"},
		"doesn't say how much memory":               {deployment, "memory: 16Mi", ""},
		"more than the plan: 2 of 250m":             {deployment, "{{ .Values.plan.cpu | quote }}", `"2"`},
		"a kind that no store may have":             {sign, "kind: ConfigMap\n", "kind: ServiceAccount\n"},
		"store doesn't say its replicas":            {deployment, "  replicas: {{ ternary 1 0 .Values.running }}\n", ""},
		"is a hook":                                 {sign, "metadata:\n", "metadata:\n  annotations: {helm.sh/hook: pre-install}\n"},
		"its pods don't carry":                      {deployment, `{{- include "library.labels" (list . "shop") | nindent 8 }}`, `{{- include "library.selector" (list . "shop") | nindent 8 }}`},
		"version: the chart has 1.0.0":              {"engine.yaml", "\nversion: 1.0.0\n", "\nversion: 1.0.1\n"},
		"suspended: store still has pods":           {deployment, "{{ ternary 1 0 .Values.running }}", "1"},
		"suspended: suspended runs beside":          {page, "{{ ternary 0 1 .Values.running }}", "1"},
		"suspended: suspended isn't there":          {page, "  name: suspended\n", "  name: {{ ternary \"other\" \"suspended\" .Values.running }}\n"},
		"suspended: suspended has 0 pods":           {page, "{{ ternary 0 1 .Values.running }}", "0"},
		"Service store doesn't lead to suspended":   {service, `(ternary (index . 1) "suspended" $root.Values.running)`, `"shop"`},
		"Service store leads to suspended while":    {service, `(ternary (index . 1) "suspended" $root.Values.running)`, `"suspended"`},
		"doesn't lead to suspended":                 {page, "            - name: http\n", "            - name: other\n"},
		"the volume store-data isn't kept":          {volume, `.Values.plan.storage`, `(ternary .Values.plan.storage "128Mi" .Values.running)`},
		"page takes more than there is for it":      {page, "memory: 32Mi", "memory: 33Mi"},
		"the volume store-data is smaller":          {volume, ".Values.plan.storage", `(ternary "1Gi" "512Mi" (eq .Values.plan.name "small"))`},
		"has no Deployment nobody":                  {"engine.yaml", "workload: suspended", "workload: nobody"},
		"helm: ":                                    {"chart/Chart.yaml", "apiVersion: v2", "apiVersion: v9"},
	} {
		faults, err := Folder(spoilt(t, change[0], change[1], change[2]))
		if err != nil || !strings.Contains(strings.Join(faults, "\n"), want) {
			t.Errorf("%q: %v, %q", want, err, faults)
		}
	}
}

func TestFolderRefusesWhatIsNoPack(t *testing.T) {
	for name, folder := range map[string]string{
		"nothing":   t.TempDir(),
		"a mistake": spoilt(t, "engine.yaml", "tier: demo", "tier: gold"),
	} {
		if _, err := Folder(folder); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}
