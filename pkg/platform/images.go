package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/store"
)

// Images is where the images of an engine stand on a platform that builds them when a store first needs them.
type Images struct {
	// Ready means that the cluster has them.
	Ready bool `json:"ready"`
	// Message says what the build is at ("installing packages"), Done and Total how far; Total is zero while unknown.
	Message string `json:"message,omitempty"`
	Done    int    `json:"done,omitempty"`
	Total   int    `json:"total,omitempty"`
	// Failed is the sentence that says why the last build gave none, Detail the builder's own words. The next request
	// behind a pause begins another.
	Failed string `json:"failed,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// ImagesRequest asks for the images of an engine. Whoever asks starts the build.
type ImagesRequest struct {
	// Version is the engine's; empty is the one that new stores are made of.
	Version string `json:"version,omitempty"`
	// Again has the folders looked at again that the images are built of; without it, images that the cluster has will do.
	Again bool `json:"again,omitempty"`
	// Settings are folders that are handed in from now on (engine.Source), by the setting's name.
	Settings map[string]string `json:"settings,omitempty"`
}

// ErrNobodyBuilds: nobody answers for the images.
var ErrNobodyBuilds = errors.New("nobody builds images here")

const imagesPrefix = "platform.images."

// ImagesSubject is where the images of an engine are asked for; "*" is every engine.
func ImagesSubject(engine string) string { return imagesPrefix + engine }

// AskImages asks whoever builds the engines' images. Asking again tells how far it is.
func AskImages(ctx context.Context, nc *nats.Conn, engine string, request ImagesRequest) (Images, error) {
	data, err := json.Marshal(request)
	if err != nil {
		return Images{}, fmt.Errorf("encode the request for images: %w", err)
	}
	reply, err := nc.RequestWithContext(ctx, ImagesSubject(engine), data)
	if errors.Is(err, nats.ErrNoResponders) {
		return Images{}, ErrNobodyBuilds
	}
	if err != nil {
		return Images{}, fmt.Errorf("ask for the images of %s: %w", engine, err)
	}
	var images Images
	if err := json.Unmarshal(reply.Data, &images); err != nil {
		return Images{}, fmt.Errorf("decode the state of the images of %s: %w", engine, err)
	}
	return images, nil
}

// ServeImages answers requests with what answer says, which must not take long, until the subscription is ended.
func ServeImages(nc *nats.Conn, answer func(engine string, request ImagesRequest) Images) (*nats.Subscription, error) {
	subscription, err := nc.Subscribe(ImagesSubject("*"), func(msg *nats.Msg) {
		var request ImagesRequest
		images := Images{Failed: "The request can't be read."}
		if err := json.Unmarshal(msg.Data, &request); err != nil {
			slog.Warn("read a request for images", "error", err)
		} else {
			images = answer(strings.TrimPrefix(msg.Subject, imagesPrefix), request)
		}
		// What builders say may be more than the broker carries, and whoever asked would wait for it.
		images.Message, images.Failed, images.Detail = store.Bounded(images.Message), store.Bounded(images.Failed), store.Bounded(images.Detail)
		data, err := json.Marshal(images)
		if err == nil {
			err = msg.Respond(data)
		}
		if err != nil {
			slog.Warn("answer a request for images", "error", err)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("serve requests for images: %w", err)
	}
	return subscription, nil
}
