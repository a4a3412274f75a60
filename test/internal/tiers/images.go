package tiers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const imagesLog = ".local/test-images.log"

// sayEvery is how often is said how far the images are, to somebody who waits for them.
const sayEvery = 30 * time.Second

// buildImages builds the images of every engine, as `make images` does, while the first tiers run. Stores would have them
// built when they are first asked for; but a test that creates one has a bound, and a first build of all takes minutes.
func (c *cluster) buildImages(ctx context.Context, r *runner) error {
	log, err := os.Create(filepath.Join(r.repo, imagesLog))
	if err != nil {
		return fmt.Errorf("open the log of the images: %w", err)
	}
	defer log.Close()
	build := r.command(ctx, ".", "nice", "-n", "10", r.localPath(), "images", "--state", stateDir)
	build.Stdout, build.Stderr = log, log
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the engines' images: %w\n%s", err, r.tailOfImages())
	}
	return nil
}

// awaitImages waits for buildImages, says how far it is, and then how large the images are.
func (c *cluster) awaitImages(ctx context.Context, r *runner) error {
	tick := time.NewTicker(sayEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-c.images:
			if err == nil {
				r.say("%s\n", r.tailOfImages())
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			said := r.tailOfImages()
			r.say("the engines' images are still being built: %s\n", bytes.TrimSpace(said[bytes.LastIndexByte(said, '\n')+1:]))
		}
	}
}

// tailOfImages is the end of what the build has said: the sizes, once it is done.
func (r *runner) tailOfImages() []byte {
	data, err := os.ReadFile(filepath.Join(r.repo, imagesLog))
	if err != nil {
		return []byte(err.Error())
	}
	if sizes := bytes.LastIndex(data, []byte("\nIMAGE")); sizes >= 0 {
		data = data[sizes:]
	}
	return bytes.TrimSpace(data[max(0, len(data)-logTail):])
}
