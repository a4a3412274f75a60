package imagebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/store-platform/store-platform/deploy/local/internal/imagepack"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/preflight"
)

// Serve carries out the one request that it reads from in, and writes answers to out: what an images.Program hears.
// An error is one of out; what fails of the request is in its last answer.
func (b *Builder) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	answers := &answers{to: json.NewEncoder(out)}
	var request images.Request
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return fmt.Errorf("read what is asked for: %w", err)
	}
	b.Require = func(ctx context.Context, packages []string) error {
		return preflight.Mend(ctx, packages, request.Install, answers)
	}
	found, err := b.carryOut(ctx, request, answers.progress)
	last := images.Answer{Last: true, Images: found}
	if err != nil {
		last.Failed = images.NewFailure(err)
	}
	return answers.write(last)
}

func (b *Builder) carryOut(ctx context.Context, request images.Request, progress images.Progress) (map[string]images.Image, error) {
	switch request.Verb {
	case images.Built:
		found := map[string]images.Image{}
		for _, pack := range request.Packs {
			if image, ok, err := b.Built(ctx, pack, request.Settings); err == nil && ok {
				found[pack.Key()] = image
			}
		}
		return found, nil
	case images.Ensure:
		found := map[string]images.Image{}
		for _, pack := range request.Packs {
			image, err := b.Ensure(ctx, pack, request.Settings, progress)
			if err != nil {
				return nil, err
			}
			found[pack.Key()] = image
		}
		return found, nil
	case images.Push:
		return nil, push(ctx, request.Image, request.Registry)
	case images.Write:
		return nil, imagepack.Write(request.Path, request.Contents...)
	}
	return nil, fmt.Errorf("there is nothing called %q to do with images", request.Verb)
}

// answers are written one at a time; programs that install packages write beside those that build.
type answers struct {
	mu sync.Mutex
	to *json.Encoder
}

func (a *answers) write(answer images.Answer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.to.Encode(answer)
}

// progress and Write drop what nobody hears: with the supervisor gone, the guard ends this process, too.
func (a *answers) progress(message string, done, total int) {
	_ = a.write(images.Answer{Message: message, Done: done, Total: total})
}

func (a *answers) Write(text []byte) (int, error) {
	return len(text), a.write(images.Answer{Say: string(text)})
}
