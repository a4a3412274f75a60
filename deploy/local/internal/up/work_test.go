package up

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/deploy/local/internal/postgres"
	"github.com/store-platform/store-platform/deploy/local/internal/state"
	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// spoken is a terminal that a test reads.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// tinies are programs in the place of the platform's own: a gateway that answers, a broker that ends again and again, so
// that it is started while others are built, and what waits.
var tinies = map[string]string{
	gateway: `package main

import ("net/http"; "os")

func main() { panic(http.ListenAndServe(os.Getenv("LISTEN"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))) }
`,
	brokerName: "package main\n\nfunc main() {}\n",
	"":         "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Hour) }\n",
}

const broken = "package main\n\nfunc main() { nonsense() }\n"

func put(t *testing.T, repository, name, text string) {
	t.Helper()
	program := programs[name]
	for path, text := range map[string]string{
		filepath.Join(program.Module, "go.mod"):                   "module example.org/" + program.Module + "\n\ngo 1.26\n",
		filepath.Join(program.Module, program.Package, "main.go"): text,
	} {
		path = filepath.Join(repository, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// tiny is a run of a clone that holds tinies, prepared. Its PostgreSQL can't be made, nor can its cluster.
func tiny(t *testing.T) (*run, *spoken) {
	t.Helper()
	repository, out := t.TempDir(), &spoken{}
	for name := range programs {
		text, ok := tinies[name]
		if !ok {
			text = tinies[""]
		}
		put(t, repository, name, text)
	}
	for _, folder := range []string{"pkg", "services/provisioner/engines"} {
		if err := os.MkdirAll(filepath.Join(repository, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := state.Hold(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(Options{Repository: repository, State: dir.Path(), API: "127.0.0.1:0", Stores: "127.0.0.1:0", Terminal: &Terminal{out: out, began: time.Now()}}, t.TempDir(), dir)
	t.Cleanup(func() {
		r.stop(context.Background())
		if err := errors.Join(dir.Release(), postgres.Remove(r.State)); err != nil {
			t.Error(err)
		}
	})
	if err := r.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.postgres, err = postgres.New(r.State, "/nowhere", -1); err != nil {
		t.Fatal(err)
	}
	return r, out
}

// status is what `local status` would read.
func (r *run) status() (s state.Status) {
	text, _ := os.ReadFile(r.dir.Path("status.json"))
	_ = json.Unmarshal(text, &s)
	return s
}

// eventually waits for as long as the terminal says something new.
func eventually(t *testing.T, out *spoken, what string, so func() bool) {
	t.Helper()
	waittest.Eventually(t, func() error {
		if so() {
			return nil
		}
		return fmt.Errorf("%s didn't come:\n%s", what, out)
	})
}

func TestWhatFailsIsSaidAndTriedAgainWhileThePageGoesOn(t *testing.T) {
	r, out := tiny(t)
	put(t, r.Repository, janitor, broken)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.work(ctx) }()
	answers := func() bool {
		response, err := http.Get(r.at.API + "/")
		if err == nil {
			err = response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	}
	eventually(t, out, "the page", answers)
	eventually(t, out, "the janitor's failure", func() bool {
		return strings.Contains(r.status().Trouble[janitor], "build store-janitor") && strings.Contains(out.String(), "undefined: nonsense")
	})
	if r.status().Trouble[postgresName] == "" {
		t.Errorf("nothing is said of PostgreSQL: %+v", r.status())
	}
	// Each of its starts reads where it lies, while what comes after the janitor is built.
	eventually(t, out, "the broker to be started again", func() bool {
		return slices.ContainsFunc(r.status().Processes, func(p supervise.Status) bool { return p.Name == brokerName && p.Starts > 2 })
	})
	select {
	case <-r.built:
		t.Fatal("all is built, with a janitor that can't be")
	default:
	}
	put(t, r.Repository, janitor, tinies[""])
	eventually(t, out, "all to be built", func() bool {
		select {
		case <-r.built:
			return true
		default:
			return false
		}
	})
	eventually(t, out, "the cluster's failure", func() bool { return r.status().Trouble[kubernetesName] != "" && r.status().Trouble[janitor] == "" })
	if !answers() {
		t.Error("the page is gone")
	}
	select {
	case err := <-ended:
		t.Fatalf("the run ended: %v", err)
	default:
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("told to stop, it failed: %v", err)
	}
}

func TestARunEndsWithoutAGatewayOrAGuard(t *testing.T) {
	r, _ := tiny(t)
	put(t, r.Repository, gateway, broken)
	if err := r.work(t.Context()); err == nil || !strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("without a gateway: %v", err)
	}
	r, _ = tiny(t)
	r.group.Kill()
	if err := r.work(t.Context()); err == nil || !strings.Contains(err.Error(), "guards") {
		t.Errorf("without a guard: %v", err)
	}
}

func TestPausesGrowAndTheOthersHaveTheirTurn(t *testing.T) {
	dir, err := state.Hold(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		out := &spoken{}
		r := newRun(Options{Terminal: &Terminal{out: out}}, "", dir)
		r.supervisor, r.board = supervise.New(nil, "", nil), newBoard(config.NATS{}, nil)
		began := time.Now()
		var turns []string
		fails := func(name string, times int) part {
			return part{name, func(context.Context) error {
				turns = append(turns, fmt.Sprintf("%s %.0f", name, time.Since(began).Seconds()))
				if times--; times >= 0 {
					return errors.New("no\nway")
				}
				return nil
			}}
		}
		if !r.persist(t.Context(), fails("a", 4), fails("b", 0), fails("c", 1)) {
			t.Error("it gave up")
		}
		if diff := cmp.Diff([]string{"a 0", "b 0", "c 0", "a 2", "c 2", "a 6", "a 14", "a 30"}, turns); diff != "" {
			t.Error(diff)
		}
		if said := r.board.latest.Message; said != "" {
			t.Errorf("the board says what no store waits for: %s", said)
		}
		if !r.persist(t.Context(), fails(janitor, 1)) || r.board.latest.Message != "janitor failed, and is tried again: no" {
			t.Errorf("the board says of the janitor: %s", r.board.latest.Message)
		}
		if len(r.trouble) != 0 {
			t.Errorf("at the end there is trouble: %v", r.trouble)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		turns = nil
		if r.persist(ctx, fails("a", 1000)) || ctx.Err() == nil {
			t.Error("it succeeded")
		}
		if r.trouble["a"] != "no" || len(turns) < 15 || len(turns) > 25 {
			t.Errorf("in an hour it had %d turns; trouble %v", len(turns), r.trouble)
		}
	})
}
