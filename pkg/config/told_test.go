package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type example struct {
	Name     string        `name:"name" env:"NAME" default:"one" told:"whole" help:"A name."`
	Key      string        `name:"key" env:"KEY" told:"never" help:"A key."`
	New      string        `name:"new" env:"NEW" help:"What nobody has decided about."`
	Keys     []string      `name:"keys" env:"KEYS" told:"never" help:"Keys."`
	Where    string        `name:"where" env:"WHERE" told:"url" help:"A place."`
	Every    time.Duration `name:"every" env:"EVERY" default:"1m" help:"How often."`
	Number   int           `name:"number" env:"NUMBER" default:"3" help:"A number."`
	Switch   bool          `name:"switch" env:"SWITCH" default:"true" negatable:"" help:"A switch."`
	Hidden   int           `name:"hidden" env:"HIDDEN" hidden:"" help:"For tests."`
	Internal string        `kong:"-"`
}

// line is what Tell writes of settings.
func line(t *testing.T, settings *example) (set, unset map[string]any) {
	t.Helper()
	before, said := slog.Default(), new(bytes.Buffer)
	slog.SetDefault(slog.New(slog.NewJSONHandler(said, nil)))
	defer slog.SetDefault(before)
	Tell(settings)
	var entry struct {
		Msg          string
		Set, Default map[string]any
	}
	if err := json.Unmarshal(said.Bytes(), &entry); err != nil || entry.Msg != "settings" {
		t.Fatalf("%s: %v", said, err)
	}
	return entry.Set, entry.Default
}

// What was changed is told apart from what the program does by itself; of what may hold a secret only that it is there.
func TestSettingsAreToldAndSecretsAreNot(t *testing.T) {
	set, unset := line(t, &example{
		Name: "two", Key: "hunter2", New: "hunter2", Keys: []string{"hunter2", "hunter3"}, Where: "nats://a:hunter2@b:1/c?hunter2",
		Every: time.Hour, Number: 3, Switch: false, Hidden: 7, Internal: "hunter2",
	})
	for name, c := range map[string]struct{ have, want map[string]any }{
		"set": {set, map[string]any{
			"NAME": "two", "KEY": "***", "NEW": "***", "KEYS": []any{"***", "***"}, "WHERE": "nats://***@b:1/c?***", "EVERY": "1h0m0s",
			"SWITCH": false, "HIDDEN": 7,
		}},
		"default": {unset, map[string]any{"NUMBER": 3}},
	} {
		if fmt.Sprint(c.have) != fmt.Sprint(c.want) {
			t.Errorf("%s is told as %v, want %v", name, c.have, c.want)
		}
	}
	set, unset = line(t, &example{Name: "one", Every: time.Minute, Number: 3, Switch: true})
	want := map[string]any{"NAME": "one", "KEY": "", "NEW": "", "KEYS": []any{}, "WHERE": "", "EVERY": "1m0s", "NUMBER": 3, "SWITCH": true}
	if len(set) != 0 || fmt.Sprint(unset) != fmt.Sprint(want) {
		t.Errorf("where nothing is set, %v is told as set and %v as default, want %v", set, unset, want)
	}
}

func TestURLsAreToldWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"nats://broker:4222":                          "nats://broker:4222",
		"nats://u:p@one:4222, nats://two:4222":        "nats://***@one:4222,nats://two:4222",
		"postgres://u:p@db:5432/name?sslmode=require": "postgres://***@db:5432/name?***",
		"postgres:///name?host=/run":                  "postgres:///name?***",
		"file:///var/backups":                         "file:///var/backups",
		"s3://bucket?region=eu":                       "s3://bucket?***",
		"https://token@collector":                     "https://***@collector",
		"https://collector/#key":                      "https://collector/?***",
		"host=/run user=u password=p":                 covered,
		"broker:4222":                                 covered,
		"u:p@broker:4222":                             covered,
		"postgres://u:p@one:1,two:2/name":             "postgres://***@one:1,two:2/name",
		"postgres://u:12/34@db/name":                  covered, // a password that should have been encoded
		"postgres://u:1?2@db/name":                    covered,
		"postgres://u:1#2@db/name":                    covered,
		"nats://u:12,34@b":                            "nats://***@b",
		"mailto:somebody@example.com":                 covered,
		"nats://[::1":                                 covered,
	} {
		if told := Cover(text); told != want {
			t.Errorf("%s is told as %s, want %s", text, told, want)
		}
	}
}

// Whatever stands between a user and its host, encoded or not.
func TestNoPasswordOfAURLIsTold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[a-z0-9/?#,:@ %\\=&]{0,6}secret[a-z0-9/?#,:@ %\\=&]{0,6}`).Draw(t, "password")
		scheme := rapid.SampledFrom([]string{"nats", "postgres", "smtps", "https"}).Draw(t, "scheme")
		for _, text := range []string{"host=/run user=u password=" + password + " application_name=" + scheme + "://x", scheme + "://user:" + password + "@host:1/path", scheme + "://" + password + "@host", scheme + "://host/?key=" + password} {
			if told := Cover(text); strings.Contains(told, "secret") {
				t.Fatalf("%s is told as %s", text, told)
			}
		}
	})
}
