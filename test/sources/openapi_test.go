package sources_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/tool"
)

// openAPI is what the gateway serves, as its own test holds.
const openAPI = "../../services/gateway/testdata/openapi.json"

// Generators and readers of OpenAPI expect what these rules ask for.
func TestSpectralFindsNothingInTheOpenAPIDocument(t *testing.T) {
	if said, err := spectral(t, openAPI); err != nil || strings.TrimSpace(said) != "No results with a severity of 'hint' or higher found!" {
		t.Errorf("%v\n%s", err, said)
	}
}

// A judge that never finds anything is none.
func TestSpectralFindsWhatIsMissing(t *testing.T) {
	text, err := os.ReadFile(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	document := string(text)
	rules := map[string][2]string{
		"operation-description":    {`"description": "Answers as long as the process runs.",`, ``},
		"oas3-valid-media-example": {`"name": "Amber Harbour"`, `"name": 7`},
		"oas3-api-servers":         {`"servers": [`, `"x-servers": [`},
		"operation-tag-defined":    {"\n          \"Catalog\"", "\n          \"Catalogue\""},
	}
	for rule, change := range rules {
		if !strings.Contains(document, change[0]) {
			t.Fatalf("%s: the document doesn't say %s", rule, change[0])
		}
		document = strings.Replace(document, change[0], change[1], 1)
	}
	file := t.TempDir() + "/openapi.json"
	if err := os.WriteFile(file, []byte(document), 0o644); err != nil {
		t.Fatal(err)
	}
	said, err := spectral(t, file)
	for rule := range rules {
		if err == nil || !strings.Contains(said, " "+rule+" ") {
			t.Errorf("%s isn't found: %v\n%s", rule, err, said)
		}
	}
}

func spectral(t *testing.T, document string) (string, error) {
	t.Helper()
	needs(t, "npm")
	program, err := tool.Spectral.Path(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), program, "lint", "--ruleset", "spectral/rules.yaml", "--fail-severity", "hint", "--format", "text", document).CombinedOutput()
	return string(output), err
}
