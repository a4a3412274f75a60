package platform_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/platform"
)

func TestImagesAreAskedForByEngine(t *testing.T) {
	nc := bustest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := platform.AskImages(ctx, nc, "tiny", platform.ImagesRequest{}); !errors.Is(err, platform.ErrNobodyBuilds) {
		t.Errorf("nobody serves: %v", err)
	}
	asked := make(chan string, 1)
	request := platform.ImagesRequest{Again: true, Settings: map[string]string{"TINY_PLUGIN_DIR": "/there"}}
	want := platform.Images{Message: "installing packages", Done: 3, Total: 9}
	subscription, err := platform.ServeImages(nc, func(engine string, got platform.ImagesRequest) platform.Images {
		if diff := cmp.Diff(request, got); diff != "" {
			t.Error(diff)
		}
		asked <- engine
		return want
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := platform.AskImages(ctx, nc, "tiny", request)
	if err != nil || got != want {
		t.Errorf("answered %+v, %v", got, err)
	}
	if engine := <-asked; engine != "tiny" {
		t.Errorf("asked for %s", engine)
	}
	if err := subscription.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
}

func TestWhoeverAsksForImagesIsAnsweredWhateverTheBuilderSays(t *testing.T) {
	nc := bustest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	said := "it began so" + strings.Repeat("x", 2<<20)
	subscription, err := platform.ServeImages(nc, func(string, platform.ImagesRequest) platform.Images {
		return platform.Images{Failed: "The build failed.", Detail: said}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = subscription.Unsubscribe() })
	got, err := platform.AskImages(ctx, nc, "tiny", platform.ImagesRequest{})
	if err != nil || !strings.HasPrefix(got.Detail, "it began so") {
		t.Errorf("answered %.40s…, %v", got.Detail, err)
	}
	if _, err := nc.RequestWithContext(ctx, platform.ImagesSubject("tiny"), []byte("{")); err != nil {
		t.Errorf("a request that can't be read: %v", err)
	}
}
