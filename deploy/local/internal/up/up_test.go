package up

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/deploy/local/internal/state"
	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestTheDoorIsHeldUntilAProcessTakesOver(t *testing.T) {
	door, err := openStoresDoor("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(door.close)
	if status, body := get(t, door.address()); status != http.StatusServiceUnavailable || !strings.Contains(body, "being made ready") {
		t.Errorf("while waiting: %d %s", status, body)
	}
	// Twice: a cluster that is started again has a new edge.
	for _, name := range []string{"first", "second"} {
		file, err := door.handOver()
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })}
		go func() { _ = server.Serve(listener) }()
		if status, body := get(t, door.address()); status != http.StatusOK || body != name {
			t.Errorf("after it took over: %d %s", status, body)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if other, err := net.Listen("tcp", door.address()); err == nil {
			_ = other.Close()
			t.Error("somebody else could take the address in between")
		}
	}
}

func TestChosenPortsAreOutOfTheWay(t *testing.T) {
	address, err := settled("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	if number, err := strconv.Atoi(port); err != nil || number < firstPort || number > lastPort {
		t.Errorf("port %s", port)
	}
	if kept, err := settled("127.0.0.1:8080"); err != nil || kept != "127.0.0.1:8080" {
		t.Errorf("a chosen address became %s, %v", kept, err)
	}
}

func TestServicesDontInheritTheUsersSettings(t *testing.T) {
	t.Setenv("KUBECONFIG", "/the/users/own")
	t.Setenv("NATS_URL", "nats://elsewhere")
	t.Setenv("MAX_STORES", "7")
	r := withUsers(t)
	environment := strings.Join(environmentOf(t, r, gateway), "\n")
	for name, want := range map[string]bool{
		"KUBECONFIG=": false, "NATS_URL=": false, "MAX_STORES=7": true, "HOME=" + r.users[gateway].Inside(): true,
	} {
		if strings.Contains(environment, name) != want {
			t.Errorf("%s in the environment is not %v: %s", name, want, environment)
		}
	}
}

// withUsers is a run that has got as far as its users.
func withUsers(t *testing.T) *run {
	t.Helper()
	dir, err := state.Hold(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dir.Release(); err != nil {
			t.Error(err)
		}
	})
	r := newRun(Options{Repository: t.TempDir(), State: dir.Path()}, "", dir)
	if err := r.makeUsers(); err != nil {
		t.Fatal(err)
	}
	return r
}

func environmentOf(t *testing.T, r *run, name string) []string {
	t.Helper()
	environment, err := r.environment(name)
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

// What a developer's file says is handed on as what the environment says is, which wins over it: the rest of it may be anybody's.
func TestSettingsOfTheCloneAreHandedOn(t *testing.T) {
	t.Setenv("MAX_STORES", "7")
	r := withUsers(t)
	text := "MAX_STORES=1\nLOG_LEVEL=debug\nKUBECONFIG=/the/users/own\nREGISTRY_PASSWORD=secret\n"
	if err := os.WriteFile(filepath.Join(r.Repository, ".env.local"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := environmentOf(t, r, events)
	for _, want := range []string{"MAX_STORES=7", "LOG_LEVEL=debug"} {
		if !slices.Contains(environment, want) {
			t.Errorf("%s isn't in %v", want, environment)
		}
	}
	for _, name := range processes {
		for _, entry := range environmentOf(t, r, name) {
			if strings.HasPrefix(entry, "KUBECONFIG=") || strings.HasPrefix(entry, "REGISTRY_PASSWORD=") {
				t.Errorf("%s is told %s", name, entry)
			}
		}
	}
}

// Where the provisioner's user can't go, it finds what the settings name all the same: the settings, the credentials that they
// name, engine packs.
func TestWhatSettingsNameIsFound(t *testing.T) {
	r := withUsers(t)
	settings := "storageClass: fast # as it is\npullSecrets:\n- name: ours\n  file: secrets/ours.json\n"
	for name, text := range map[string]string{
		"stores.yaml": settings, "secrets/ours.json": "{}", "packs/corner/engine.yaml": "name: corner\n",
	} {
		path := filepath.Join(r.Repository, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("STORES_SETTINGS", "stores.yaml")
	t.Setenv("ENGINES_DIR", filepath.Join(r.Repository, "packs"))
	told := map[string]string{}
	for _, variable := range environmentOf(t, r, provisioner) {
		name, value, _ := strings.Cut(variable, "=")
		told[name] = value
	}
	for inside, want := range map[string]string{
		told["ENGINES_DIR"] + "/corner/engine.yaml": "name: corner\n",
		told["STORES_SETTINGS"]:                     "storageClass: fast # as it is\n",
	} {
		if have := saysTo(t, r, provisioner, inside); !strings.HasPrefix(have, want) {
			t.Errorf("%s says to it %q, want %q", inside, have, want)
		}
	}
	_, file, _ := strings.Cut(saysTo(t, r, provisioner, told["STORES_SETTINGS"]), "file: ")
	if have := saysTo(t, r, provisioner, strings.TrimSpace(file)); have != "{}" {
		t.Errorf("the credentials in %s say to it %q", file, have)
	}
}

// So it is of the gateway and who knows people elsewhere.
func TestWhatProvidersNameIsFound(t *testing.T) {
	r := withUsers(t)
	for name, text := range map[string]string{"providers.yaml": "providers:\n- name: house\n  clientSecretFile: house.secret\n", "house.secret": "hush"} {
		if err := os.WriteFile(filepath.Join(r.Repository, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("OIDC_PROVIDERS", "providers.yaml")
	for _, variable := range environmentOf(t, r, gateway) {
		path, is := strings.CutPrefix(variable, "OIDC_PROVIDERS=")
		if !is {
			continue
		}
		_, file, _ := strings.Cut(saysTo(t, r, gateway, path), "clientSecretFile: ")
		if have := saysTo(t, r, gateway, strings.TrimSpace(file)); have != "hush" {
			t.Errorf("the secret in %s says to it %q", file, have)
		}
		return
	}
	t.Error("the gateway isn't told")
}

// What may hold a secret is told to nobody but who works with it.
func TestASecretIsToldToWhoNeedsIt(t *testing.T) {
	r := withUsers(t)
	whose := map[string]string{
		"ADMIN_API_KEY": gateway, "ENGINES_DIR": provisioner, "ENGINE_SETTINGS": provisioner, "STORES_SETTINGS": provisioner,
		"OIDC_PROVIDERS":             gateway,
		"OTEL_EXPORTER_OTLP_HEADERS": "gateway, events, provisioner, janitor",
	}
	for variable := range whose {
		path := filepath.Join(r.Repository, variable)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, path)
	}
	for _, name := range processes {
		environment := environmentOf(t, r, name)
		for variable, owners := range whose {
			told := slices.ContainsFunc(environment, func(entry string) bool { return strings.HasPrefix(entry, variable+"=") })
			if told != strings.Contains(owners, name) {
				t.Errorf("%s is told %s: %v", name, variable, told)
			}
		}
	}
}

// saysTo is what a file says to the user of a process.
func saysTo(t *testing.T, r *run, name, path string) string {
	t.Helper()
	command, err := r.users[name].Run("/bin/cat", func(program string, as *syscall.Credential) *exec.Cmd {
		command := exec.Command(program, path)
		command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return command
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
