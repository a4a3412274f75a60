package record

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Run says where a run's platform is, for whoever checks it from outside. It holds passwords, so its file is for its
// owner only.
type Run struct {
	Installation string            `json:"installation"`
	Broker       string            `json:"broker"`
	Passwords    map[string]string `json:"passwords"`
	Database     string            `json:"database"`
	Kubeconfig   string            `json:"kubeconfig"`
	// Pool is the nodes that the installation wants stores' pods on; empty is any.
	Pool string `json:"pool"`
}

const runFile = "run.json"

// WriteRun puts it into the folder of the run.
func WriteRun(folder string, r Run) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the run: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, runFile), data, 0o600); err != nil {
		return fmt.Errorf("write the run: %w", err)
	}
	return nil
}

// ReadRun finds it there.
func ReadRun(folder string) (Run, error) {
	data, err := os.ReadFile(filepath.Join(folder, runFile))
	if err != nil {
		return Run{}, fmt.Errorf("read the run: %w", err)
	}
	var r Run
	if err := json.Unmarshal(data, &r); err != nil {
		return Run{}, fmt.Errorf("decode the run: %w", err)
	}
	return r, nil
}
