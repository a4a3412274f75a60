package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/pkg/guard"
)

// Verb is what the program is asked for.
type Verb string

// The verbs of a Request, each with the fields that it takes.
const (
	Built  Verb = "built"  // Packs, Settings; answered by those whose images needn't be built
	Ensure Verb = "ensure" // Packs (one), Settings, Install; answered by its images, built when they aren't in the cache
	Push   Verb = "push"   // Image, Registry
	Write  Verb = "write"  // Path, Contents
)

// Request is what the program reads from its standard input.
type Request struct {
	Verb     Verb     `json:"verb"`
	Packs    []Pack   `json:"packs,omitempty"`
	Settings Settings `json:"settings,omitempty"`
	// Install lets it install the Debian packages that building takes.
	Install  bool         `json:"install,omitempty"`
	Image    Image        `json:"image,omitzero"`
	Registry string       `json:"registry,omitempty"`
	Path     string       `json:"path,omitempty"`
	Contents []kube.Image `json:"contents,omitempty"`
}

// Answer is one of those that it writes to its standard output. All but the last are progress (Message, Done, Total) or
// what the user is to see as it is (Say).
type Answer struct {
	Message string `json:"message,omitempty"`
	Done    int    `json:"done,omitempty"`
	Total   int    `json:"total,omitempty"`
	Say     string `json:"say,omitempty"`

	Last   bool             `json:"last,omitempty"`
	Images map[string]Image `json:"images,omitempty"` // by Pack.Key
	Failed *Failure         `json:"failed,omitempty"`
}

// Failure is an error; Doing and Tail are a BuildError's.
type Failure struct {
	Error string   `json:"error"`
	Doing string   `json:"doing,omitempty"`
	Tail  []string `json:"tail,omitempty"`
}

// NewFailure makes an error one that can be written.
func NewFailure(err error) *Failure {
	var build *BuildError
	if errors.As(err, &build) {
		return &Failure{Error: build.Err.Error(), Doing: build.Doing, Tail: build.Tail}
	}
	return &Failure{Error: err.Error()}
}

func (f *Failure) err() error {
	if f.Doing == "" {
		return errors.New(f.Error)
	}
	return &BuildError{Doing: f.Doing, Tail: f.Tail, Err: errors.New(f.Error)}
}

// Program is the program, run anew for each request. Its fields are set before its first use and not changed.
type Program struct {
	// Find answers the program's path, building it when it isn't there.
	Find func(context.Context) (string, error)
	// Repository is the clone that it works for.
	Repository string
	// Install lets it install Debian packages.
	Install bool
	// Log gets what the programs say that do the work, Out what the user is to see.
	Log, Out io.Writer
}

// Built answers the images, by Pack.Key, of those packs that are built from what stands in the folders now. What can't be
// looked at isn't among them.
func (p *Program) Built(ctx context.Context, packs []Pack, settings Settings) (map[string]Image, error) {
	last, err := p.ask(ctx, Request{Verb: Built, Packs: packs, Settings: settings}, nil)
	return last.Images, err
}

// Ensure answers the pack's images, building them when they aren't in the cache.
func (p *Program) Ensure(ctx context.Context, pack Pack, settings Settings, progress Progress) (Image, error) {
	last, err := p.ask(ctx, Request{Verb: Ensure, Packs: []Pack{pack}, Settings: settings, Install: p.Install}, progress)
	return last.Images[pack.Key()], err
}

// Push pushes images below the prefix of a registry, as whoever this user is there.
func (p *Program) Push(ctx context.Context, image Image, registry string) error {
	_, err := p.ask(ctx, Request{Verb: Push, Image: image, Registry: registry}, nil)
	return err
}

// Write packs images into one archive at path: see imagepack.
func (p *Program) Write(ctx context.Context, path string, contents []kube.Image) error {
	_, err := p.ask(ctx, Request{Verb: Write, Path: path, Contents: contents}, nil)
	return err
}

// ask runs the program and answers its last answer.
func (p *Program) ask(ctx context.Context, request Request, progress Progress) (Answer, error) {
	path, err := p.Find(ctx)
	if err != nil {
		return Answer{}, err
	}
	text, err := json.Marshal(request)
	if err != nil {
		return Answer{}, fmt.Errorf("ask for images: %w", err)
	}
	read, write := io.Pipe()
	last := make(chan Answer, 1)
	go func() { last <- p.listen(read, progress) }()
	command := exec.Command(path, "serve")
	command.Dir = p.Repository
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(text), write, p.Log
	err = guard.Run(ctx, command)
	_ = write.Close()
	answer := <-last
	switch {
	case ctx.Err() != nil:
		return Answer{}, context.Cause(ctx)
	case answer.Failed != nil:
		return Answer{}, answer.Failed.err()
	case err != nil:
		return Answer{}, fmt.Errorf("run %s: %w", path, err)
	case !answer.Last:
		return Answer{}, fmt.Errorf("run %s: it ended without an answer", path)
	}
	return answer, nil
}

// listen tells what the program says until it says no more, and answers what it said last.
func (p *Program) listen(from io.Reader, progress Progress) (answer Answer) {
	answers := json.NewDecoder(from)
	for !answer.Last {
		answer = Answer{}
		if answers.Decode(&answer) != nil {
			break
		}
		if answer.Say != "" {
			_, _ = io.WriteString(p.Out, answer.Say)
		}
		if answer.Message != "" && progress != nil {
			progress(answer.Message, answer.Done, answer.Total)
		}
	}
	// It mustn't wait for somebody to read on.
	_, _ = io.Copy(io.Discard, from)
	return answer
}
