package imagebuild

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
)

// phraseMark begins a comment above a stage's FROM that says what people read while the stage is built:
//
//	# progress: installing packages
const phraseMark = "progress:"

// stage is one stage of a Dockerfile.
type stage struct {
	name   string
	phrase string
	uses   []string // the stages, by name or number, that it begins with or copies from
	// steps are the instructions, FROM among them, as the builders count them.
	steps []string
}

type stages []stage

// readDockerfile reads as much of a Dockerfile as progress takes.
func readDockerfile(path string) (stages, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a Dockerfile: %w", err)
	}
	defer file.Close()
	read, err := parser.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("read a Dockerfile: %w", err)
	}
	var found stages
	for _, instruction := range read.AST.Children {
		keyword := strings.ToUpper(instruction.Value)
		if keyword == "FROM" {
			found = append(found, newStage(instruction))
		}
		if len(found) == 0 {
			continue // an ARG before the first FROM is no step
		}
		last := &found[len(found)-1]
		last.steps = append(last.steps, keyword)
		last.uses = append(last.uses, usedBy(instruction.Flags)...)
	}
	return found, nil
}

func newStage(from *parser.Node) stage {
	var words []string
	for word := from.Next; word != nil; word = word.Next {
		words = append(words, word.Value)
	}
	var made stage
	if len(words) > 0 {
		made.uses = words[:1]
	}
	if len(words) == 3 {
		made.name = words[2]
	}
	for _, line := range from.PrevComment {
		if phrase, ok := strings.CutPrefix(line, phraseMark); ok {
			made.phrase = strings.TrimSpace(phrase)
		}
	}
	return made
}

// usedBy are the stages that an instruction copies from or mounts.
func usedBy(flags []string) []string {
	var stages []string
	for _, flag := range flags {
		name, value, _ := strings.Cut(flag, "=")
		switch name {
		case "--from":
			stages = append(stages, value)
		case "--mount":
			for part := range strings.SplitSeq(value, ",") {
				if from, ok := strings.CutPrefix(part, "from="); ok {
					stages = append(stages, from)
				}
			}
		}
	}
	return stages
}

// useBase tells whether a stage begins with the base that is handed in.
func (s stages) useBase() bool {
	return slices.ContainsFunc(s, func(one stage) bool { return len(one.uses) > 0 && strings.Trim(one.uses[0], "${}") == "BASE" })
}

// words are what people read while the i-th stage is built.
func (s stages) words(i int) string {
	switch {
	case i < 0 || i >= len(s):
		return ""
	case s[i].phrase != "":
		return s[i].phrase
	}
	return strings.NewReplacer("-", " ", "_", " ").Replace(s[i].name)
}

func (s stages) find(name string) int {
	return slices.IndexFunc(s, func(one stage) bool { return strings.EqualFold(one.name, name) })
}

// count is how many steps it takes to build the stage called target: its own and those of all that it needs, except
// where a folder is handed in. Only keywords that counted allows count.
func (s stages) count(target string, handedIn map[string]string, counted func(keyword string) bool) int {
	needed := make([]bool, len(s))
	var need func(name string)
	need = func(name string) {
		i := s.find(name)
		if number, err := strconv.Atoi(name); err == nil && number < len(s) {
			i = number
		}
		if _, given := handedIn[name]; given || i < 0 || needed[i] {
			return
		}
		needed[i] = true
		for _, used := range s[i].uses {
			need(used)
		}
	}
	need(target)
	steps := 0
	for i, one := range s {
		if !needed[i] {
			continue
		}
		for _, keyword := range one.steps {
			if counted(keyword) {
				steps++
			}
		}
	}
	return steps
}

// everything is counted by buildah, only what makes a layer by Docker.
func everything(string) bool { return true }

func layers(keyword string) bool {
	return slices.Contains([]string{"FROM", "RUN", "COPY", "ADD", "WORKDIR"}, keyword)
}

var (
	// buildahStep is "[2/4] STEP 1/2: FROM base AS packages"; the first part is missing where there is one stage.
	buildahStep = regexp.MustCompile(`^(?:\[(\d+)/\d+\] )?STEP \d+/\d+: `)
	// dockerStep is "#8 [packages 2/2] RUN apt-get …"; a stage without a name is called stage-<number>, an only one isn't called.
	dockerStep = regexp.MustCompile(`^#\d+ \[(?:(\S+) +)?(\d+)/\d+\] `)
)

// meter turns a builder's lines into progress.
type meter struct {
	file     stages
	progress images.Progress
	total    int
	done     int
	seen     map[string]bool // Docker says the same step more than once
}

// take reads one line and tells whether it was about a step.
func (m *meter) take(line string) bool {
	at := 0
	if found := buildahStep.FindStringSubmatch(line); found != nil {
		if found[1] != "" {
			at, _ = strconv.Atoi(found[1])
			at--
		}
	} else if found := dockerStep.FindStringSubmatch(line); found != nil {
		label := found[1] + " " + found[2]
		if m.seen[label] {
			return true
		}
		m.seen[label] = true
		if found[1] != "" {
			at = m.file.find(found[1])
		}
	} else {
		return false
	}
	if m.progress != nil {
		m.progress(m.file.words(at), min(m.done, m.total), m.total)
	}
	m.done++
	return true
}
