package parts

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
)

const (
	// StartPatience is for one process to answer.
	StartPatience = time.Minute
	// StopPatience is for one to end when it was asked to.
	StopPatience = 30 * time.Second
	// answerPatience is for one answer.
	answerPatience = 5 * time.Second
	// Poll is about how often Await asks.
	Poll = 20 * time.Millisecond
)

// Await asks until try succeeds, and fails when the process ends, the bound is over or ctx ends; so does the context of a try.
func (p *Process) Await(ctx context.Context, bound time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case <-p.ended:
			end(fmt.Errorf("it ended: %s", p.ProcessState))
		case <-ctx.Done():
		}
	}()
	_, err := again.Until(ctx, again.Pauses{First: Poll, Longest: Poll}, func() (struct{}, error) { return struct{}{}, try(ctx) })
	if err != nil {
		return fmt.Errorf("wait for %s: %w\n%s", p.Path, err, p.Tail())
	}
	return nil
}

// Answers expects a page to be there.
func Answers(ctx context.Context, url string) error {
	_, err := Page(ctx, url)
	return err
}

// Page reads one.
func Page(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s %.1024s", url, response.Status, text)
	}
	return text, err
}
