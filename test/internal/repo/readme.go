package repo

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var bashBlock = regexp.MustCompile("(?s)```bash\n(.*?)```")

// Commands are README's blocks of bash that ask the API, in its order: those of its section about accounts, or all others.
func Commands(root string, accounts bool) (blocks []string, err error) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		return nil, fmt.Errorf("read README's commands: %w", err)
	}
	for section := range strings.SplitSeq(string(readme), "\n## ") {
		if strings.HasPrefix(section, "Accounts\n") != accounts {
			continue
		}
		for _, block := range bashBlock.FindAllStringSubmatch(section, -1) {
			if strings.Contains(block[1], "curl") {
				blocks = append(blocks, block[1])
			}
		}
	}
	return blocks, nil
}
