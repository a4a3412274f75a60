package cluster_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/people"
)

var newToken = regexp.MustCompile(`"token":"(sp_[A-Za-z0-9_]+)"`)

// Who follows README where people sign in has a token, and by it a store that becomes Ready: of a tenant of their own, and by nobody's help. $link
// and $token are set as README tells its reader to.
func TestTheReadmesAccountsWork(t *testing.T) {
	b := setup(t)
	api, link := b.withAccounts()
	blocks := commands(t, true)
	if len(blocks) != 2 {
		t.Fatalf("README has %d blocks about accounts, and this is about two", len(blocks))
	}
	// Another Maria each time: on a platform that is kept the first one would belong to two tenants.
	here := strings.NewReplacer("http://127.0.0.1:8080", api, "/tmp/maria", filepath.Join(t.TempDir(), "maria"),
		"maria@example.com", strings.ToLower(rand.Text())+"@example.com")
	said := b.run("-euo", "pipefail", "-c", "link="+link+"\n"+here.Replace(blocks[0]))
	token := newToken.FindStringSubmatch(said)
	if token == nil {
		t.Fatalf("no token in %s", said)
	}
	said = b.run("-euo", "pipefail", "-c", "token="+token[1]+"\n"+here.Replace(blocks[1]))
	made := storeID.FindStringSubmatch(said)
	if made == nil {
		t.Fatalf("no store in %s", said)
	}
	id, bearer := store.ID(made[1]), []string{"Authorization", "Bearer " + token[1]}
	gateway := *b.Platform
	gateway.API = api
	t.Cleanup(func() {
		if _, err := gateway.Call(context.Background(), http.MethodDelete, "/stores/"+string(id), nil, nil, bearer...); err != nil {
			t.Logf("clean up: %v", err)
		}
	})
	waittest.Eventually(t, func() error {
		var s query.Store
		if _, err := gateway.Call(t.Context(), http.MethodGet, "/stores/"+string(id), nil, &s, bearer...); err != nil {
			return err
		}
		if s.Status != store.Ready {
			return errors.New(fmt.Sprint(s.Version, s.Status, s.Steps))
		}
		return nil
	})
	if status, err := gateway.Call(t.Context(), http.MethodGet, "/stores/"+string(id), nil, nil); status != http.StatusUnauthorized {
		t.Errorf("without the token it is answered %d %v", status, err)
	}
	if status, err := b.Call(t.Context(), http.MethodGet, "/stores/"+string(id), nil, nil); status != http.StatusNotFound {
		t.Errorf("at the gateway without accounts it is answered %d %v", status, err)
	}
}

// withAccounts runs a gateway beside the platform's own, as that one is run but for its mode, and answers where, and the secret of a link by which
// somebody becomes an operator there.
func (b *bench) withAccounts() (api, link string) {
	b.Helper()
	pid, err := b.PID("gateway")
	if err != nil {
		b.Fatal(err)
	}
	own := filepath.Join("/proc", strconv.Itoa(pid))
	program, err := os.Readlink(filepath.Join(own, "exe"))
	if err != nil {
		b.Fatal(err)
	}
	settings, err := os.ReadFile(filepath.Join(own, "environ"))
	if err != nil {
		b.Fatal(err)
	}
	address, err := porttest.Address()
	if err != nil {
		b.Fatal(err)
	}
	environment := append(strings.Split(strings.Trim(string(settings), "\x00"), "\x00"), "LISTEN="+address, "AUTH=accounts")
	gateway := exec.Command(program)
	gateway.Env = environment
	process, err := parts.Start(filepath.Join(b.TempDir(), "gateway.out"), gateway)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { process.Stop(syscall.SIGTERM, parts.StopPatience) })
	api = "http://" + address
	err = process.Await(b.Context(), parts.StartPatience, func(ctx context.Context) error { return parts.Answers(ctx, api+"/readyz") })
	if err != nil {
		b.Fatal(err)
	}
	another := exec.CommandContext(b.Context(), program, "operator-link")
	another.Env = environment
	printed, err := another.Output()
	if err != nil {
		b.Fatal(err)
	}
	if link = people.OperatorsLink(string(printed)); link == "" {
		b.Fatalf("no link in %s", printed)
	}
	return api, link
}
