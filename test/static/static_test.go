// Package static holds what is checked by reading the repository: walls, publishes, deployment files and documents. It
// holds tests only.
package static

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/publint"
	"github.com/store-platform/store-platform/test/internal/repo"
)

var (
	services = []string{"gateway", "events", "provisioner", "janitor"}
	// programs are what chart and compose run of ours.
	programs = append([]string{"backup"}, services...)
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// mayPublish are the functions that the lint's rules don't fit, each with its reason.
var mayPublish = []publint.Exception{
	// The literals from which every subject is built.
	{File: "pkg/storelog/subjects.go"},
	// They know both forms of subjects.
	{File: "pkg/storelog/subjects.go", Func: "StoreOf"},
	{File: "pkg/storelog/subjects.go", Func: "ClusterOf"},
	{File: "pkg/storelog/subjects.go", Func: "isCommand"},
	// The one function that appends.
	{File: "pkg/storelog/append.go", Func: "publish"},
	// Permissions of the broker's users: what may be published, not a publish.
	{File: "deploy/local/internal/broker/users.go"},
	// Answers a question at its own address, which is an inbox or isn't answered.
	{File: "pkg/question/answer.go", Func: "accept"},
	// Refuses a delivery where the broker hears of those.
	{File: "pkg/work/summon.go", Func: "summonOne"},
	// Ends a restore at the address that the broker gave for it, under a user that may not write to the log.
	{File: "services/backup/internal/snapshot/snapshot.go", Func: "Restore"},
}

func TestNobodyElseWritesToTheLog(t *testing.T) {
	dir := root(t)
	names, err := repo.Files(dir, "*.go", ":!:*_test.go", ":!:test/*")
	if err != nil {
		t.Fatal(err)
	}
	findings, err := publint.Check(dir, repo.Module, names, mayPublish)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
	if len(names) < 50 {
		t.Errorf("only %d files were read", len(names))
	}
}

// spelled are the files of other kinds in which a subject of the log stands, each of which knows both forms.
var spelled = []string{
	// Made of the table of the broker's users, which a test holds against their work.
	"deploy/k8s/files/users.conf",
	// Its second token, which is the store's id in either.
	"services/events/internal/readmodel/migrations/00002_dead_letters.sql",
}

var subjectInText = regexp.MustCompile(`\bstore\.(\*|<\w+>|%s|\$?\{[^}]*\}|[a-z][a-z0-9]{11})\.(command|event)|\b(split_part|substring|string_to_array)\(subject`)

func TestSubjectsAreSpelledWhereTheirFormsAreKnown(t *testing.T) {
	dir := root(t)
	names, err := repo.Files(dir, ":!:*.go", ":!:*.md", ":!:test/upgrade/testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range names {
		if subjectInText.MatchString(read(t, name)) {
			found = append(found, name)
		}
	}
	if !slices.Equal(found, spelled) {
		t.Errorf("subjects of the log stand in %v, and may in %v", found, spelled)
	}
}

// TestProgramsLinkOnlyWhatTheyMay holds the walls where the linter can't: through other packages.
func TestProgramsLinkOnlyWhatTheyMay(t *testing.T) {
	kubernetes, helm := []string{"k8s.io/", "sigs.k8s.io/"}, []string{"helm.sh/"}
	api, database := []string{"github.com/gofiber/"}, []string{"github.com/jackc/pgx"}
	walls := map[string][][]string{
		"services/gateway":     {kubernetes, helm, database},
		"services/events":      {kubernetes, helm},
		"services/provisioner": {api, database},
		"services/janitor":     {api, database, helm},
		"deploy/local":         {kubernetes, helm, api},
		"pkg":                  {kubernetes, helm, api, database},
		"test":                 {kubernetes, helm},
	}
	for module, forbidden := range walls {
		t.Run(module, func(t *testing.T) {
			list := exec.Command("go", "list", "-e", "-deps", "./...")
			list.Dir = filepath.Join(root(t), module)
			list.Env = append(os.Environ(), "GOWORK=off")
			output, err := list.Output()
			if err != nil {
				t.Fatalf("list what %s links: %v", module, err)
			}
			for path := range strings.SplitSeq(string(output), "\n") {
				for _, wall := range forbidden {
					for _, prefix := range wall {
						if strings.HasPrefix(path, prefix) {
							t.Errorf("links %s", path)
						}
					}
				}
			}
		})
	}
}

func TestDomainIsPure(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, "./store")
	list.Dir = filepath.Join(root(t), "pkg")
	list.Env = append(os.Environ(), "GOWORK=off")
	output, err := list.Output()
	if err != nil {
		t.Fatalf("list what pkg/store imports: %v", err)
	}
	for path := range strings.FieldsSeq(string(output)) {
		if strings.Contains(path, ".") {
			t.Errorf("pkg/store imports %s, which isn't the standard library's", path)
		}
		switch path {
		case "context", "os", "io", "net", "net/http", "log/slog", "crypto/rand", "math/rand", "math/rand/v2":
			t.Errorf("pkg/store imports %s: it has no context, clock, logger, I/O or ids", path)
		}
	}
}
