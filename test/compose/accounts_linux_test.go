package compose_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/people"
	"github.com/store-platform/store-platform/test/internal/repo"
)

var (
	newToken = regexp.MustCompile(`"token":"(sp_[A-Za-z0-9_]+)"`)
	newStore = regexp.MustCompile(`"id":"([a-z][a-z0-9]{11})"`)
)

// TestContainersWhereOneSignsIn takes README's commands about accounts on an installation in containers that has some from the start.
func TestContainersWhereOneSignsIn(t *testing.T) {
	b := setup(t)
	blocks, err := repo.Commands(b.clone, true)
	if err != nil || len(blocks) != 2 {
		t.Fatalf("README has %d blocks about accounts, and this is about two (%v)", len(blocks), err)
	}
	b.step("up", func() {
		b.run("scripts/compose-env.sh && echo AUTH=accounts >>.env")
		b.upFromEnv()
	})
	token, id := "", ""
	b.step("the operator's link leads to an account, a tenant and a token", func() {
		here := strings.NewReplacer("/tmp/maria", filepath.Join(t.TempDir(), "maria"))
		said := b.run("link=" + b.printedLink() + "\n" + here.Replace(blocks[0]))
		token = b.found(newToken, said)
	})
	b.step("a store is made by the token", func() {
		id = b.found(newStore, b.run("token="+token+"\n"+blocks[1]))
		b.awaitBy(token, id, "Ready")
		if output, err := b.try("curl --fail --silent http://127.0.0.1:8080/stores/" + id); err == nil {
			b.Fatalf("the store is told to whoever asks:\n%s", output)
		}
	})
	b.step("who there is outlives the gateway, and the link isn't printed again", func() {
		b.kill("gateway")
		b.awaitBy(token, id, "Ready")
		b.run("docker compose up --detach --force-recreate gateway")
		b.healthy()
		b.awaitBy(token, id, "Ready")
		if said := b.run("docker compose logs --no-log-prefix gateway"); people.OperatorsLink(said+"\n") != "" {
			b.Fatal("a gateway with an operator has printed a link for the first one")
		}
	})
	b.step("the store is deleted", func() {
		b.run(curlBy(token) + " --request DELETE http://127.0.0.1:8080/stores/" + id)
		b.awaitBy(token, id, "Deleted")
	})
}

// printedLink is the secret of the link that the gateway has printed for the first operator.
func (b *bench) printedLink() (link string) {
	b.Helper()
	waittest.Eventually(b, func() error {
		said, err := b.try("docker compose logs --no-log-prefix gateway")
		if link = people.OperatorsLink(said + "\n"); err == nil && (link == "" || !strings.Contains(said, "http://127.0.0.1:8080/#invite="+link)) {
			err = fmt.Errorf("no link to the page in %s", said)
		}
		return err
	})
	return link
}

func (b *bench) found(what *regexp.Regexp, said string) string {
	b.Helper()
	found := what.FindStringSubmatch(said)
	if found == nil {
		b.Fatalf("no %s in %s", what, said)
	}
	return found[1]
}

func curlBy(token string) string {
	return "curl --fail --silent --show-error --header 'Authorization: Bearer " + token + "'"
}

func (b *bench) awaitBy(token, id, status string) {
	b.Helper()
	b.awaitSaid(curlBy(token), id, status)
}
