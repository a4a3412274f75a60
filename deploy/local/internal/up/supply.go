package up

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/platform"
)

// A failed build is begun again when somebody asks after a pause, which doubles up to a bound: most that fail once fail
// the same way until somebody has changed something.
const (
	firstPause = 30 * time.Second
	longPause  = 5 * time.Minute
)

// supplier builds the images of engines when somebody first asks for them, one version of one engine at a time, and loads
// them into the cluster.
type supplier struct {
	// packs are by their keys, as everything here; newest are the keys of those that new stores are made of, by the
	// engine's name.
	packs  map[string]images.Pack
	newest map[string]string
	// built, ensure and load are the program's and the cluster's.
	built  func(context.Context, []images.Pack, images.Settings) (map[string]images.Image, error)
	ensure func(context.Context, images.Pack, images.Settings, images.Progress) (images.Image, error)
	load   func(context.Context, images.Image) error
	// terminal is told what is built; nil tells nobody.
	terminal *Terminal

	mu       sync.Mutex
	settings images.Settings
	supplies map[string]*supply
	queue    []string
	wake     chan struct{}
}

// supply is one version's.
type supply struct {
	state    platform.Images
	queued   bool // waits for its turn, or is being built
	failures int
	retryAt  time.Time
}

func newSupplier(packs []images.Pack, settings images.Settings, program *images.Program, load func(context.Context, images.Image) error, terminal *Terminal) *supplier {
	s := &supplier{
		packs: map[string]images.Pack{}, newest: map[string]string{}, load: load, terminal: terminal,
		settings: settings, supplies: map[string]*supply{}, wake: make(chan struct{}, 1),
		built: program.Built, ensure: program.Ensure,
	}
	var carried []engine.Pack
	for _, pack := range packs {
		carried = append(carried, pack.Pack)
		// Of an engine that brings nothing to build, images come from a registry, and nobody has to wait for them.
		if pack.Builds() {
			s.packs[pack.Key()] = pack
			s.supplies[pack.Key()] = &supply{}
		}
	}
	for _, pack := range engine.Offered(carried) {
		s.newest[pack.Name] = images.Pack{Pack: pack}.Key()
	}
	return s
}

// answer says how far an engine's images are, and has them built if nobody does.
func (s *supplier) answer(name string, request platform.ImagesRequest) platform.Images {
	key := s.newest[name]
	if request.Version != "" {
		key = images.Pack{Pack: engine.Pack{Name: name, Version: request.Version}}.Key()
	}
	return s.answerFor(key, request)
}

func (s *supplier) answerFor(key string, request platform.ImagesRequest) platform.Images {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.supplies[key]
	if one == nil {
		return platform.Images{Ready: true}
	}
	for name, folder := range request.Settings {
		s.settings[name] = folder
	}
	due := !one.state.Ready && !time.Now().Before(one.retryAt)
	if !one.queued && (due || request.Again) {
		s.enqueue(key)
	}
	return one.state
}

// enqueue is called with mu held.
func (s *supplier) enqueue(key string) {
	message := ""
	for _, other := range s.supplies {
		if other.queued {
			message = "waiting for another engine's"
		}
	}
	one := s.supplies[key]
	one.queued, one.state = true, platform.Images{Message: message}
	s.queue = append(s.queue, key)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// cached lists the archives that needn't be built. What can't be looked at is looked at again when somebody asks.
func (s *supplier) cached(ctx context.Context) map[string]images.Image {
	found, err := s.built(ctx, slices.Collect(maps.Values(s.packs)), s.handedIn())
	if err != nil {
		slog.Warn("look for images that are built", "error", err)
	}
	return found
}

// request asks for packs as a store would, for the smallest archive first: nobody waits long for that one.
func (s *supplier) request(archives map[string]images.Image) {
	size := func(key string) int64 {
		info, err := os.Stat(archives[key].Path)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for _, key := range slices.SortedFunc(maps.Keys(archives), func(a, b string) int {
		return cmp.Or(cmp.Compare(size(a), size(b)), cmp.Compare(a, b))
	}) {
		s.answerFor(key, platform.ImagesRequest{})
	}
}

// run answers requests and builds until ctx ends.
func (s *supplier) run(ctx context.Context, broker config.NATS) error {
	nc, err := broker.Connect(ctx, "local images", nil)
	if err != nil {
		return err
	}
	defer nc.Close()
	if _, err := platform.ServeImages(nc, s.answer); err != nil {
		return err
	}
	s.work(ctx)
	return nil
}

// work builds what is queued until ctx ends.
func (s *supplier) work(ctx context.Context) {
	for {
		for key := s.next(); key != "" && ctx.Err() == nil; key = s.next() {
			s.settle(s.packs[key], s.supply(ctx, s.packs[key]))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
	}
}

func (s *supplier) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return ""
	}
	key := s.queue[0]
	s.queue = s.queue[1:]
	return key
}

func (s *supplier) supply(ctx context.Context, pack images.Pack) error {
	began, said := time.Now(), ""
	report := func(message string, done, total int) {
		s.mu.Lock()
		s.supplies[pack.Key()].state = platform.Images{Message: message, Done: done, Total: total}
		s.mu.Unlock()
		if s.terminal != nil {
			Tell(s.terminal, pack.Name, &said, message, done, total)
		}
	}
	image, err := s.ensure(ctx, pack, s.handedIn(), report)
	if err != nil {
		return err
	}
	if said != "" && s.terminal != nil {
		s.terminal.Say(pack.Name, "images built in %.0f s", time.Since(began).Seconds())
	}
	report("loading", 0, 0)
	return s.load(ctx, image)
}

// settle notes how a build ended.
func (s *supplier) settle(pack images.Pack, err error) {
	s.mu.Lock()
	one := s.supplies[pack.Key()]
	one.queued = false
	if err == nil {
		one.state, one.failures, one.retryAt = platform.Images{Ready: true}, 0, time.Time{}
		s.mu.Unlock()
		return
	}
	pause := min(firstPause<<min(one.failures, 10), longPause)
	one.failures++
	one.retryAt = time.Now().Add(pause)
	one.state = failed(err)
	s.mu.Unlock()
	if s.terminal != nil && !errors.Is(err, context.Canceled) {
		s.terminal.Say(pack.Name, "images: %v", err)
	}
}

// failed puts a failure into words: a sentence, and beside it what the builder said.
func failed(err error) platform.Images {
	var build *images.BuildError
	if errors.As(err, &build) && len(build.Tail) > 0 {
		last := strings.TrimRight(build.Tail[len(build.Tail)-1], ".")
		return platform.Images{Failed: last + ".", Detail: build.Error()}
	}
	return platform.Images{Failed: strings.TrimRight(err.Error(), ".") + "."}
}

func (s *supplier) handedIn() images.Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.settings)
}

// Tell says on a terminal what the build of an engine's images is at: a line for each message, and in between, on a real
// terminal, each step. said is the message before.
func Tell(t *Terminal, engine string, said *string, message string, done, total int) {
	words := message
	if done < total {
		words = fmt.Sprintf("%s, step %d of %d", message, done+1, total)
	}
	if message != *said {
		t.Say(engine, "%s", words)
	} else {
		t.Pass(engine, words)
	}
	*said = message
}
