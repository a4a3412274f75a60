package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each setting with its variable, and what it is where nobody sets it.
func TestHelpListsEverySettingWithItsDefault(t *testing.T) {
	t.Parallel()
	for _, program := range programs {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			r := start(t, program, given(t, program, nil), "--help")
			<-r.ended
			// One line a setting: the columns are for eyes.
			help := strings.Join(strings.Fields(r.said.String()), " ")
			for variable, setting := range all(t, program) {
				if variable == "TEST_CLOCK_DIVISOR" {
					continue // hidden: no installation that somebody keeps may have it
				}
				before, _, named := strings.Cut(help, "($"+variable)
				about := before[strings.LastIndex(before, " --")+1:]
				if i := strings.LastIndex(before, "($"); i > 0 {
					about = before[i:]
				}
				switch {
				case !named:
					t.Errorf("%s isn't in --help", variable)
				case setting.Required && !strings.Contains(help, "($"+variable+", required)"):
					t.Errorf("--help doesn't say that %s is required", variable)
				case setting.Required:
				case setting.Type == "bool" && !strings.Contains(help, "($"+variable+", "+setting.Default+" by itself)"):
					t.Errorf("--help doesn't say that %s is %s by itself", variable, setting.Default)
				case setting.Default != "" && setting.Type != "bool" && !strings.Contains(about, "="+setting.Default) && !strings.Contains(about, `="`+setting.Default+`"`):
					t.Errorf("--help doesn't say that %s is %s by itself: %s", variable, setting.Default, about)
				case setting.Default == "" && !strings.Contains(about, "Empty:"):
					t.Errorf("--help doesn't say what it is that %s isn't set: %s", variable, about)
				}
			}
		})
	}
}

// told are the settings of a start's log line, or of backup's, which has a log for eyes.
func told(t *testing.T, said string) map[string]any {
	t.Helper()
	for line := range strings.Lines(said) {
		var entry struct {
			Msg          string
			Set, Default map[string]any
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "settings" {
			maps.Copy(entry.Default, entry.Set)
			return entry.Default
		}
	}
	t.Fatalf("no settings were told: %s", said)
	return nil
}

// A marker is in every secret, and in nothing that the programs say: neither in the line of settings nor in what they tell
// of a broker that they wait for.
func TestTheStartTellsSettingsAndNoSecret(t *testing.T) {
	t.Parallel()
	for _, program := range programs {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			said := start(t, program, given(t, program, nil)).settles(t, "waiting for the broker")
			if strings.Contains(said, marker) {
				t.Errorf("a secret was told: %s", said)
			}
			if program == "backup" {
				for _, part := range []string{"INFO settings", "set.NATS_URL=nats://***@" + closed, "[*** ***]", "default.BACKUP_KEEP=14"} {
					if !strings.Contains(said, part) {
						t.Errorf("not told: %s: %s", part, said)
					}
				}
				return
			}
			line := told(t, said)
			checkDefaults(t, program, line)
			for variable, want := range map[string]any{
				"NATS_URL": "nats://***@" + closed, "NATS_USER": "somebody", "NATS_PASSWORD": "***", "NATS_PASSWORD_FILE": "",
				"DATABASE_URL": "postgres://***@" + closed + "/db?***", "EVENTS_URL": "http://***@" + closed + "/?***",
				"ADMIN_API_KEY": "***", "ADMIN_EMAILS": []any{"***", "***"}, "SWEEP_EVERY": "1m0s", "CORS_ORIGINS": []any{},
			} {
				if value, is := line[variable]; is && fmt.Sprint(value) != fmt.Sprint(want) {
					t.Errorf("%s is told as %v, want %v", variable, value, want)
				}
			}
		})
	}
}

// checkDefaults wants every setting in the line, and what nobody has set as it ships. A duration is written in other words.
func checkDefaults(t *testing.T, program string, line map[string]any) {
	t.Helper()
	for variable, setting := range all(t, program) {
		value, is := line[variable]
		_, given := secrets[variable]
		switch {
		case variable == "TEST_CLOCK_DIVISOR":
		case !is:
			t.Errorf("%s isn't told", variable)
		case given, variable == "AUTH", variable == "LISTEN", setting.Default == "", setting.Type == "time.Duration":
		case fmt.Sprint(value) != setting.Default:
			t.Errorf("%s is told as %v, and by itself it is %s", variable, value, setting.Default)
		}
	}
}

// wrong are values that make no sense, by variable. Where a setting is a secret they have the marker in them.
var wrong = map[string][]string{
	"NATS_URL":           {"nats://user:" + marker + "@broker:port", "nats://user:" + marker + "@a b:4222"},
	"NATS_PASSWORD_FILE": {"/none"}, "NATS_CA_FILE": {"/none"}, "NATS_CERT_FILE": {"/none"}, "NATS_KEY_FILE": {"/none"},
	"LOG_LEVEL":                   {"loud"},
	"OTEL_EXPORTER_OTLP_ENDPOINT": {"http://user:" + marker + "@a b", marker, "grpc://" + marker + "@collector"},
	"LISTEN":                      {"nowhere"}, "OPS_LISTEN": {"nowhere"},
	"AUTH": {"everybody"}, "SIGNUP": {"sometimes"}, "AUTH_OPEN_PUBLIC": {"perhaps"}, "WRITE_LEVEL": {"highest"},
	"ADMIN_EMAILS": {marker + " at example"}, "ADMIN_API_KEY": {"sp_" + marker},
	"PUBLIC_URL": {"ftp://user:" + marker + "@stores.example", "https://user:" + marker + "@stores.example", "https://stores.example?" + marker},
	"SMTP_URL":   {"smtp://user:" + marker + "@a b", "imap://user:" + marker + "@mail.example"}, "MAIL_FROM": {"nobody"},
	"OIDC_PROVIDERS": {"/none"}, "TRUST_PROXY": {"everywhere"}, "CORS_ORIGINS": {"https://user:" + marker + "@shop.example"},
	"MAX_STORES": {"0", "many"}, "EVENTS_URL": {"ftp://user:" + marker + "@events/", "http://user:" + marker + "@a b"}, "STREAM_REPLICAS": {"2"},
	"RATE_LIMIT_ENABLED": {"perhaps"}, "RATE_LIMIT_CAPACITY": {"0"}, "RATE_LIMIT_REFILL_PER_SEC": {"0"},
	"CREATE_RATE_LIMIT_CAPACITY": {"-1"}, "CREATE_RATE_LIMIT_REFILL_PER_SEC": {"0"}, "TEST_CLOCK_DIVISOR": {"11"},
	"DATABASE_URL":         {"postgres://user:" + marker + "@a:port/db", "host=a password=" + marker + " port=x", "postgres://user:" + marker + "@a b/db"},
	"FEED_MAX_CONNECTIONS": {"0"}, "FEED_MAX_CONNECTIONS_PER_TENANT": {"0"},
	"STORE_SCHEME": {"gopher"}, "IMAGES": {"somewhere"}, "INGRESS_ADDR": {"10.0.0.1:80"}, "ENGINES_DIR": {"/none"}, "DEMO_ENGINES": {"perhaps"},
	"ENGINE_SETTINGS": {"/none"}, "STORES_SETTINGS": {"/none"}, "SLOTS": {"0"}, "HELM_SLOTS": {"0"}, "SWEEP_EVERY": {"1", "1ms"},
	"BACKUP_URL": {"nowhere://bucket?" + marker, "file:///?" + marker}, "BACKUP_KEEP": {"0"}, "BACKUP_KEYS": {marker}, "INSTALLATION": {""},
}

// right are settings of which no value is wrong by itself.
var right = []string{"NATS_USER", "NATS_PASSWORD", "KUBECONFIG", "BASE_DOMAIN", "INGRESS_CLASS_NAME", "INGRESS_NAMESPACE", "IMAGE_REGISTRY"}

// It is named by its variable in what the program says last, and nothing of a secret that is wrong.
func TestAWrongSettingStopsTheStartByItsName(t *testing.T) {
	t.Parallel()
	for _, program := range programs {
		for _, variable := range sorted(all(t, program)) {
			values := wrong[variable]
			if program == "gateway" && variable == "INSTALLATION" {
				continue // without one the log is anybody's
			}
			if len(values) == 0 && !slices.Contains(right, variable) {
				t.Errorf("%s of %s is never wrong: say one that is", variable, program)
			}
			for i, value := range values {
				t.Run(fmt.Sprintf("%s/%s/%d", program, variable, i), func(t *testing.T) {
					t.Parallel()
					said := strings.TrimSpace(start(t, program, given(t, program, map[string]string{variable: value})).fails(t))
					last := said[strings.LastIndex(said, "\n")+1:]
					if !strings.Contains(last, variable) {
						t.Errorf("it isn't named: %s", said)
					}
					if strings.Contains(said, marker) {
						t.Errorf("a secret was told: %s", said)
					}
				})
			}
		}
	}
}

// The file of development has passwords in it, and who reads it says what stands where it can't go on.
func TestALineOfTheFileThatCannotBeReadIsNotTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".env.local"), []byte("ADMIN_API_KEY "+marker+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := startIn(t, dir, "gateway", given(t, "gateway", nil)).fails(t)
	if !strings.Contains(said, ".env.local") || strings.Contains(said, marker) {
		t.Errorf("it says %s", said)
	}
}
