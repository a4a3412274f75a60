package imagebuild

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
)

// push pushes images below the prefix of a registry. Who this user is there is in their Docker configuration.
func push(ctx context.Context, image images.Image, registry string) error {
	for _, short := range image.Names {
		inArchive, err := name.NewTag(short)
		if err != nil {
			return fmt.Errorf("read the name of an image: %w", err)
		}
		content, err := tarball.ImageFromPath(image.Path, &inArchive)
		if err != nil {
			return fmt.Errorf("read image %s: %w", short, err)
		}
		target, err := name.NewTag(registry + "/" + short)
		if err != nil {
			return fmt.Errorf("read IMAGE_REGISTRY: %w", err)
		}
		if err := remote.Write(target, content, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
			return fmt.Errorf("push %s: %w", target, err)
		}
	}
	return nil
}
