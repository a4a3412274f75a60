package static

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// secrets are what scripts/compose-env.sh makes up.
var secrets = []string{
	"NATS_PASSWORD_GATEWAY", "NATS_PASSWORD_PROVISIONER", "NATS_PASSWORD_JANITOR", "NATS_PASSWORD_EVENTS", "NATS_PASSWORD_BACKUP",
	"POSTGRES_PASSWORD", "K3S_TOKEN", "INSTALLATION", "BACKUP_KEYS",
}

func compose(t *testing.T, env []string) (*types.Project, error) {
	t.Helper()
	dir := root(t)
	options, err := cli.NewProjectOptions([]string{filepath.Join(dir, "docker-compose.yaml")},
		cli.WithWorkingDirectory(dir), cli.WithEnv(env), cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

// madeUp is what every secret is in project.
const madeUp = "p1"

// project is docker-compose.yaml with secrets and the variables of env.
func project(t *testing.T, env ...string) *types.Project {
	t.Helper()
	for _, name := range secrets {
		env = append(env, name+"="+madeUp)
	}
	p, err := compose(t, env)
	if err != nil {
		t.Fatalf("load docker-compose.yaml: %v", err)
	}
	return p
}

func TestComposeHasNoSecretOfItsOwn(t *testing.T) {
	if _, err := compose(t, nil); err == nil || !strings.Contains(err.Error(), "compose-env.sh") {
		t.Errorf("without .env: %v, want an error that names scripts/compose-env.sh", err)
	}
	script := read(t, "scripts/compose-env.sh")
	for _, name := range secrets {
		if !strings.Contains(script, name) {
			t.Errorf("scripts/compose-env.sh doesn't make up %s", name)
		}
	}
}

func TestComposeIsHardened(t *testing.T) {
	p := project(t)
	for name, service := range p.Services {
		oneShot := service.Restart == "no"
		if service.Build == nil && !strings.Contains(service.Image, ":") {
			t.Errorf("%s: image %s has no tag", name, service.Image)
		}
		if service.Build != nil && service.PullPolicy != types.PullPolicyNever {
			t.Errorf("%s: where it isn't built, whoever took the name %s on a registry would be run", name, service.Image)
		}
		if len(service.Profiles) > 0 {
			continue
		}
		if !oneShot && service.HealthCheck == nil {
			t.Errorf("%s has no healthcheck", name)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s beyond this machine", name, port.Published)
			}
		}
		if name == "k3s" || oneShot {
			continue
		}
		user, _, _ := strings.Cut(service.User, ":")
		if user == "" || user == "0" || user == "root" || service.Privileged || !service.ReadOnly || !slices.Contains(service.CapDrop, "ALL") {
			t.Errorf("%s: user %q, privileged %v, read-only %v, drops %v", name, service.User, service.Privileged, service.ReadOnly, service.CapDrop)
		}
	}
}

func TestComposeBrokerKeepsWhatItAcknowledges(t *testing.T) {
	if !strings.Contains(read(t, "deploy/compose/broker/nats.conf"), "sync_interval: always") {
		t.Error("deploy/compose/broker/nats.conf doesn't fsync every write")
	}
	if !strings.Contains(read(t, "deploy/k8s/templates/nats.yaml"), "sync_interval: always") {
		t.Error("the chart's broker doesn't fsync every write")
	}
}

// A broker of somebody's own may be anywhere, and only where one is may the services' network lead out.
func TestComposeReachesABrokerOfOnesOwn(t *testing.T) {
	own, its := project(t, "BROKER_INTERNAL=false", "BROKER_FILES=/certificates"), project(t)
	if own.Networks["bus"].Internal || !its.Networks["bus"].Internal {
		t.Errorf("the network is internal: %v with a broker elsewhere, %v without", own.Networks["bus"].Internal, its.Networks["bus"].Internal)
	}
	for _, name := range programs {
		if !slices.ContainsFunc(own.Services[name].Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Source == "/certificates" && v.Target == "/broker" && v.ReadOnly
		}) {
			t.Errorf("%s isn't shown the broker's certificates: %+v", name, own.Services[name].Volumes)
		}
	}
}

// TestComposeMountsWhatIsThere: a missing file would be mounted as an empty folder.
func TestComposeMountsWhatIsThere(t *testing.T) {
	dir := root(t)
	for name, service := range project(t).Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if found, err := filepath.Glob(volume.Source); err != nil || len(found) == 0 {
				t.Errorf("%s mounts %s, which isn't there", name, strings.TrimPrefix(volume.Source, dir+"/"))
			}
		}
		if service.Build != nil {
			file := filepath.Join(service.Build.Context, service.Build.Dockerfile)
			if found, err := filepath.Glob(file); err != nil || len(found) == 0 {
				t.Errorf("%s is built by %s, which isn't there", name, strings.TrimPrefix(file, dir+"/"))
			}
		}
	}
}

// Each program has an image that holds it, the authorities' certificates and nothing to break in with.
func TestImagesAreEmptyAndNotRoot(t *testing.T) {
	stages := map[string]string{}
	for _, stage := range strings.Split(read(t, "Dockerfile"), "\nFROM ")[1:] {
		from, steps, _ := strings.Cut(stage, "\n")
		stages[from] = steps
	}
	if base := stages["scratch AS image"]; !strings.Contains(base, "USER 65532:65532\n") || !strings.Contains(base, "ca-certificates.crt") {
		t.Errorf("images begin with\n%s", base)
	}
	built := project(t).Services
	for _, program := range programs {
		steps := stages["image AS "+program]
		if !strings.Contains(steps, "\nCOPY --from=programs /images/"+program+" /\n") || !strings.Contains(steps, `ENTRYPOINT ["/store-`+program+`"]`) {
			t.Errorf("the image of %s is made by\n%s", program, steps)
		}
		if strings.Contains(steps, "USER") {
			t.Errorf("the image of %s has another user", program)
		}
		if service := built[program]; service.Build == nil || service.Build.Target != program {
			t.Errorf("docker-compose.yaml builds %s as %+v", program, service.Build)
		}
	}
}
