package provisioner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/services/provisioner/internal/lint"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// loadSettings reads what an operator has set for engines' charts: a YAML file with a map per engine's name. A name that
// no pack has is refused, because a setting that reaches nobody is a mistake that nobody would notice, and so is what the
// chart of any version doesn't take: stores of it stand.
func loadSettings(file string, set *packs.Set) (map[string]map[string]any, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read ENGINE_SETTINGS: %w", err)
	}
	var settings map[string]map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(content)).Decode(&settings); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("decode ENGINE_SETTINGS %s: %w", file, err)
	}
	for name, given := range settings {
		versions := set.Versions(name)
		if len(versions) == 0 {
			return nil, fmt.Errorf("ENGINE_SETTINGS %s: there is no engine %q", file, name)
		}
		for _, e := range versions {
			if err := lint.Installation(e.Pack, e.Chart, given); err != nil {
				return nil, fmt.Errorf("ENGINE_SETTINGS %s: engine %s, version %s: %w", file, name, e.Version, err)
			}
		}
	}
	return settings, nil
}
