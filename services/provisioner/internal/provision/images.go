package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/work"
)

// Images are built by somebody else when they are first asked for. Asking again tells how far they are.
type Images interface {
	Ask(ctx context.Context, engine, version string) (platform.Images, error)
}

// stepImages is no step of an operation: nothing is attempted before the images are there.
const stepImages = "images"

// The two reasons of a store that waits for images.
const (
	reasonImagesBuilding = "ImagesBuilding"
	reasonImagesNotBuilt = "ImagesNotBuilt"
)

// imagesTimeout bounds one question; the answer is there at once or nobody has one.
const imagesTimeout = 5 * time.Second

// Available says whether there is a cluster, whether this provisioner carries the store's version of its engine, and
// whether the cluster has the images.
func (h *Hand) Available(ctx context.Context, s store.State) error {
	if err := h.Reach.Available(ctx); err != nil {
		return err
	}
	e, err := h.engineOf(s.Target())
	if err != nil || h.Images == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, imagesTimeout)
	defer cancel()
	until := h.building.until(e.Name, e.Version)
	images, err := h.Images.Ask(ctx, e.Name, e.Version)
	switch {
	case err != nil:
		return &work.Waiting{
			Step: stepImages, Reason: reasonImagesNotBuilt, Err: err, Until: until,
			Message: fmt.Sprintf("Nobody says how far the images of %s are. The work begins by itself.", e.Title),
		}
	case images.Ready:
		h.building.built(e.Name, e.Version)
		return nil
	case images.Failed != "":
		return &work.Waiting{
			Step: stepImages, Reason: reasonImagesNotBuilt, Until: until,
			Message: fmt.Sprintf("The images of %s couldn't be built. It is tried again by itself.", e.Title),
			Err:     errors.New(strings.TrimSpace(images.Failed + "\n" + images.Detail)),
		}
	}
	return &work.Waiting{
		Step: stepImages, Reason: reasonImagesBuilding, Until: until,
		Message: fmt.Sprintf("Building the images of %s%s.", e.Title, at(images)),
	}
}

// building are the images that stores wait for. Each store that looks asks how far they are, and the first that hears that
// they are there ends the wait of all.
type building struct {
	mu sync.Mutex
	// awaited are closed when the images are there.
	awaited map[[2]string]chan struct{}
}

func (b *building) until(engine, version string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := [2]string{engine, version}
	if b.awaited[key] == nil {
		if b.awaited == nil {
			b.awaited = map[[2]string]chan struct{}{}
		}
		b.awaited[key] = make(chan struct{})
	}
	return b.awaited[key]
}

func (b *building) built(engine, version string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := [2]string{engine, version}
	if until := b.awaited[key]; until != nil {
		close(until)
		delete(b.awaited, key)
	}
}

// at is the end of the sentence that says how far a build is.
func at(images platform.Images) string {
	words := ""
	if images.Message != "" {
		words = ": " + images.Message
	}
	if images.Done < images.Total {
		words += fmt.Sprintf(", step %d of %d", images.Done+1, images.Total)
	}
	return words
}
