package up

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/joho/godotenv"
	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/deploy/local/internal/runas"
)

// handedOn are the settings of the user's environment, and of the file .env.local, that services get to see. All else
// (a KUBECONFIG, a NATS_URL) is this installation's own affair, or nobody's here.
var handedOn = []string{
	"LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "MAX_STORES", "TRUST_PROXY", "ADMIN_API_KEY",
	"RATE_LIMIT_ENABLED", "RATE_LIMIT_CAPACITY", "RATE_LIMIT_REFILL_PER_SEC", "CREATE_RATE_LIMIT_CAPACITY", "CREATE_RATE_LIMIT_REFILL_PER_SEC", "CORS_ORIGINS",
	"SIGNUP", "ADMIN_EMAILS", "PUBLIC_URL", "SMTP_URL", "MAIL_FROM", oidcProviders, "AUTH_OPEN_PUBLIC", "FEED_MAX_CONNECTIONS", "FEED_MAX_CONNECTIONS_PER_TENANT", "SLOTS", "HELM_SLOTS", "SWEEP_EVERY",
	"DEMO_ENGINES", "ENGINES_DIR", "ENGINE_SETTINGS", storesSettings, "SSL_CERT_FILE", "SSL_CERT_DIR",
}

const (
	storesSettings = "STORES_SETTINGS"
	oidcProviders  = "OIDC_PROVIDERS"
)

// readers are the only processes that get to see settings which say, or name files that say, what may be a secret. Traces are
// what all services send, and neither the broker nor the door to the stores.
var readers = map[string][]string{
	"ADMIN_API_KEY": {gateway}, oidcProviders: {gateway}, "ENGINES_DIR": {provisioner}, "ENGINE_SETTINGS": {provisioner}, storesSettings: {provisioner},
	"OTEL_EXPORTER_OTLP_HEADERS": {gateway, events, provisioner, janitor},
}

// files are settings that name a file or a folder.
var files = []string{"ENGINES_DIR", "ENGINE_SETTINGS", storesSettings, oidcProviders, "SSL_CERT_FILE", "SSL_CERT_DIR"}

// processes have a user each, in this order for ever: its place makes its number.
var processes = []string{brokerName, gateway, events, provisioner, janitor, edge}

// kubeconfigFile leads one process, and no other, to the cluster.
const kubeconfigFile = "kubeconfig"

// makeUsers also removes where earlier releases kept everybody's passwords and kubeconfigs.
func (r *run) makeUsers() error {
	r.users = map[string]*runas.User{}
	for number, name := range processes {
		user, err := runas.New(r.State, r.identity.Installation, name, number)
		if err != nil {
			return err
		}
		r.users[name] = user
	}
	return errors.Join(os.RemoveAll(r.dir.Path("identities")), os.RemoveAll(r.dir.Path("broker.conf")))
}

// environment is what a process gets whatever it is. The file .env.local in the clone may say settings, too, which services
// would read themselves if they could go there; the environment wins over it.
func (r *run) environment(name string) ([]string, error) {
	said, err := godotenv.Read(filepath.Join(r.Repository, ".env.local"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read .env.local: %w", err)
	}
	settings := map[string]string{}
	for _, variable := range handedOn {
		if value, ok := os.LookupEnv(variable); ok {
			settings[variable] = value
		} else if value, ok := said[variable]; ok {
			settings[variable] = value
		}
	}
	for variable, names := range readers {
		if !slices.Contains(names, name) {
			delete(settings, variable)
		}
	}
	user := r.users[name]
	for _, variable := range files {
		if settings[variable] == "" {
			continue
		}
		if settings[variable], err = r.lend(user, variable, settings[variable]); err != nil {
			return nil, err
		}
	}
	environment := []string{}
	for _, variable := range slices.Sorted(maps.Keys(settings)) {
		environment = append(environment, variable+"="+settings[variable])
	}
	return append(environment, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME="+user.Inside()), nil
}

// lend has a user find what a setting names, and what that file names in turn. Relative paths are the clone's.
func (r *run) lend(user *runas.User, variable, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Repository, path)
	}
	naming, names := namingFiles[variable]
	if !names {
		return user.Lend(variable, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", variable, err)
	}
	return r.lendSettings(user, variable, naming, text)
}

// naming is where a file of settings names files of credentials: under a key of each element of a list.
type naming struct{ list, key, lent string }

var namingFiles = map[string]naming{
	storesSettings: {"pullSecrets", "file", "pull-secret"}, oidcProviders: {"providers", "clientSecretFile", "client-secret"},
}

// lendSettings is for the service to read, which says what is wrong with them; here only files of credentials are found.
func (r *run) lendSettings(user *runas.User, variable string, naming naming, text []byte) (string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err == nil && len(document.Content) == 1 {
		for i, secret := range valueOf(document.Content[0], naming.list).Content {
			file := valueOf(secret, naming.key)
			if file.Kind != yaml.ScalarNode {
				continue
			}
			lent, err := r.lend(user, fmt.Sprintf("%s-%d", naming.lent, i), file.Value)
			if err != nil {
				return "", err
			}
			file.Value = lent
		}
		if text, err = yaml.Marshal(&document); err != nil {
			return "", fmt.Errorf("write %s: %w", variable, err)
		}
	}
	return user.LendText(variable, text)
}

// valueOf is what a mapping says under a key, or nothing.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if mapping.Content[i].Value == key {
				return mapping.Content[i+1]
			}
		}
	}
	return &yaml.Node{}
}
