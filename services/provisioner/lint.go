package provisioner

import (
	"fmt"
	"io"

	"github.com/store-platform/store-platform/services/provisioner/internal/lint"
)

// LintPack writes what is wrong with the engine pack in a folder, a line each, and fails if anything is.
func LintPack(folder string, out io.Writer) error {
	faults, err := lint.Folder(folder)
	if err != nil {
		return err
	}
	for _, fault := range faults {
		fmt.Fprintln(out, fault)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s: %d faults", folder, len(faults))
	}
	fmt.Fprintln(out, folder+": no fault found")
	return nil
}
