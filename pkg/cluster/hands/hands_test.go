package hands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

func TestAHandOutlastsTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, broken := 0, errors.New("a setting is wrong")
		err := Outlast(t.Context(), "", func(context.Context, *Start) error {
			begun++
			if begun < 3 {
				return fmt.Errorf("publish the catalog: %w", nats.ErrConnectionReconnecting)
			}
			return broken
		})
		if begun != 3 || !errors.Is(err, broken) {
			t.Fatalf("begun %d times, then %v", begun, err)
		}
	})
}

// What kills a process that doesn't answer would kill it at every start, behind longer and longer pauses.
func TestAHandThatWaitsForItsBrokerIsAliveAndSaysWhy(t *testing.T) {
	broker := bustest.StartServer(t, &server.Options{Users: []*server.User{{Username: "janitor", Password: "new"}}})
	ops, err := porttest.Address()
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Outlast(ctx, ops, func(ctx context.Context, start *Start) error {
			_, err := start.Open(ctx, "janitor", config.NATS{URL: broker.ClientURL(), User: "janitor", Password: "old"}, cluster.Config{})
			return err
		})
	}()
	for path, says := range map[string]string{"/healthz": "ok", "/readyz": config.ErrRefused.Error()} {
		waittest.Eventually(t, func() error {
			response, err := http.Get("http://" + ops + path)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err == nil && !strings.Contains(string(text), says) {
				err = fmt.Errorf("%s says %q", path, text)
			}
			return err
		})
	}
	end()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

// It would make that installation's stores once more, in its own cluster.
func TestNoHandWorksOnALogOfAnotherInstallation(t *testing.T) {
	broker := config.NATS{URL: bustest.StartFor(t, "theirs").ConnectedUrl()}
	where := cluster.Config{Kubeconfig: filepath.Join(t.TempDir(), "none yet"), Installation: "mine"}
	if _, err := new(Start).Open(t.Context(), "janitor", broker, where); !errors.Is(err, storelog.ErrForeignLog) {
		t.Fatalf("got %v", err)
	}
	where.Installation = "theirs"
	process, err := new(Start).Open(t.Context(), "janitor", broker, where)
	if err != nil {
		t.Fatal(err)
	}
	process.Close()
}

// Its leases would be forgotten in seconds, and every other wait be as short.
func TestNoHandWorksByATestsClockInProduction(t *testing.T) {
	for installation, refused := range map[string]bool{"prod": true, "test-prod": false} {
		nc := bustest.Connect(t, bustest.StartServer(t, &server.Options{}))
		bustest.Ensure(t, nc, storelog.Settings{Replicas: 1, Installation: installation, Clock: 4})
		where := cluster.Config{Kubeconfig: filepath.Join(t.TempDir(), "none yet"), Installation: installation}
		process, err := new(Start).Open(t.Context(), "janitor", config.NATS{URL: nc.ConnectedUrl()}, where)
		if (err != nil) != refused || err != nil && !strings.Contains(err.Error(), clock.Variable) {
			t.Fatalf("%s: %v", installation, err)
		}
		if err != nil {
			continue
		}
		process.Close()
		if process.Clock != 4 {
			t.Errorf("the clock is divided by %d", process.Clock)
		}
	}
}
