package provision

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/work"
)

type reach struct{ down error }

func (r reach) Available(context.Context) error { return r.down }

// builder answers for images.
type builder struct {
	said  platform.Images
	err   error
	asked []string
}

func (b *builder) Ask(_ context.Context, engine, version string) (platform.Images, error) {
	b.asked = append(b.asked, engine+" "+version)
	return b.said, b.err
}

func TestAStoreWaitsForTheImagesOfItsEngine(t *testing.T) {
	silent := errors.New("nobody there")
	for name, c := range map[string]struct {
		builder builder
		want    *work.Waiting
	}{
		"there": {builder: builder{said: platform.Images{Ready: true}}},
		"building": {
			builder: builder{said: platform.Images{Message: "installing packages", Done: 3, Total: 9}},
			want: &work.Waiting{
				Step: "images", Reason: "ImagesBuilding",
				Message: "Building the images of Sample shop: installing packages, step 4 of 9.",
			},
		},
		"beginning": {
			want: &work.Waiting{Step: "images", Reason: "ImagesBuilding", Message: "Building the images of Sample shop."},
		},
		"failed": {
			builder: builder{said: platform.Images{Failed: "No route to host.", Detail: "step 3: curl ended with 7"}},
			want: &work.Waiting{
				Step: "images", Reason: "ImagesNotBuilt", Err: errors.New("No route to host.\nstep 3: curl ended with 7"),
				Message: "The images of Sample shop couldn't be built. It is tried again by itself.",
			},
		},
		"nobody answers": {
			builder: builder{err: silent},
			want: &work.Waiting{
				Step: "images", Reason: "ImagesNotBuilt", Err: silent,
				Message: "Nobody says how far the images of Sample shop are. The work begins by itself.",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := hand(t)
			h.Reach, h.Images = reach{}, &c.builder
			err := h.Available(t.Context(), store.State{Spec: store.Spec{Engine: "sample", Version: "1.0.0"}})
			var got *work.Waiting
			if errors.As(err, &got) != (err != nil) {
				t.Fatalf("error %v is no wait", err)
			}
			switch {
			case c.want == nil || got == nil:
				if c.want != got {
					t.Errorf("waits as %+v, want %+v", got, c.want)
				}
			case c.want.Step != got.Step || c.want.Error() != got.Error():
				t.Errorf("waits as %+v, want %+v", got, c.want)
			}
			if diff := cmp.Diff([]string{"sample 1.0.0"}, c.builder.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// However seldom each of them looks: the first that hears of it tells all.
func TestAllThatWaitForImagesHearWhenTheyAreThere(t *testing.T) {
	known := store.State{Spec: store.Spec{Engine: "sample", Version: "1.0.0"}}
	h, images := hand(t), &builder{}
	h.Reach, h.Images = reach{}, images
	waits := make([]*work.Waiting, 2)
	for i := range waits {
		if err := h.Available(t.Context(), known); !errors.As(err, &waits[i]) {
			t.Fatal(err)
		}
	}
	select {
	case <-waits[0].Until:
		t.Fatal("the wait is over before the images are there")
	default:
	}
	images.said.Ready = true
	for range 2 {
		if err := h.Available(t.Context(), known); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range waits {
		<-w.Until
	}
	images.said.Ready = false
	var again *work.Waiting
	if err := h.Available(t.Context(), known); !errors.As(err, &again) {
		t.Fatal(err)
	}
	select {
	case <-again.Until:
		t.Error("the next wait is over with the first")
	default:
	}
}

func TestNobodyIsAskedForImagesInVain(t *testing.T) {
	known := store.State{Spec: store.Spec{Engine: "sample", Version: "1.0.0"}}
	h := hand(t)
	h.Reach = reach{}
	if err := h.Available(t.Context(), known); err != nil {
		t.Errorf("with images from a registry: %v", err)
	}
	images := &builder{}
	h.Images = images
	down := errors.New("down")
	h.Reach = reach{down}
	if err := h.Available(t.Context(), known); !errors.Is(err, down) {
		t.Errorf("without a cluster: %v", err)
	}
	h.Reach = reach{}
	for _, spec := range []store.Spec{{Engine: "nobody's"}, {Engine: "sample", Version: "0.0.1"}} {
		var waiting *work.Waiting
		if err := h.Available(t.Context(), store.State{Spec: spec}); !errors.As(err, &waiting) || waiting.Reason != "EngineNotCarried" {
			t.Errorf("%+v: %v", spec, err)
		}
	}
	if len(images.asked) != 0 {
		t.Errorf("asked for %v", images.asked)
	}
}
