package compose_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
)

// services are those that run; k3s is a stand-in (see the package), and is killed like the others.
var services = []string{"gateway", "events", "provisioner", "janitor", "nats", "postgres", "k3s"}

var storeLine = regexp.MustCompile(`(?m)^store ([a-z][a-z0-9]{11}):$`)

// TestContainersKeepEveryPromiseOfTheReadme takes README's commands for containers one after the other, on one installation: each
// wants what the one before has left.
func TestContainersKeepEveryPromiseOfTheReadme(t *testing.T) {
	b := setup(t)
	b.step("up", b.up)
	id := ""
	b.step("a store is made and bought in", func() { id = b.demo() })
	for _, service := range services {
		b.step(service+" is killed and comes back", func() {
			b.kill(service)
			b.run("scripts/order.sh " + id)
		})
	}
	b.step("down and up keep everything", func() {
		b.run("docker compose down")
		b.run("docker compose up --detach")
		b.healthy()
		b.run("scripts/order.sh " + id)
	})
	b.step("an operator's key", b.operate)
	b.step("backup and restore", func() { b.restore(id) })
	b.step("another store from creation to deletion", func() { b.run(holdingTheKey + "scripts/smoke.sh") })
	b.step("the store is deleted", func() {
		b.run("curl --fail --silent --show-error --request DELETE http://127.0.0.1:8080/stores/" + id)
		b.await(id, "Deleted")
	})
}

// step says what the test is at; what failed is said by whoever failed.
func (b *bench) step(name string, do func()) {
	b.Helper()
	b.Logf("--- %s", name)
	do()
}

// up is README's block of "Other ways to run it".
func (b *bench) up() {
	b.Helper()
	b.run("scripts/compose-env.sh")
	b.upFromEnv()
}

// upFromEnv is the block behind the making of .env.
func (b *bench) upFromEnv() {
	b.Helper()
	b.run("docker compose up --build --detach")
	b.run("docker compose build engine-sample")
	b.run("docker save store-platform/engine-sample:1.0.0 | docker compose exec -T k3s ctr --namespace k8s.io images import -")
	b.healthy()
	b.Log(b.run("docker images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | sort"))
}

// demo makes a store and buys in it.
func (b *bench) demo() string {
	b.Helper()
	found := storeLine.FindStringSubmatch(b.run("scripts/demo.sh Containers"))
	if found == nil {
		b.Fatal("the demo names no store")
	}
	b.run("scripts/order.sh " + found[1])
	return found[1]
}

// healthy waits until every service is, by its own healthcheck.
func (b *bench) healthy() {
	b.Helper()
	waittest.Eventually(b, func() error {
		output, err := b.try("docker compose ps --format '{{.Service}} {{.Health}}' | sort")
		if err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		for _, service := range services {
			if !slices.Contains(strings.Split(output, "\n"), service+" healthy") {
				return fmt.Errorf("%s isn't healthy among\n%s", service, output)
			}
		}
		return nil
	})
}

// kill kills a service's first process, as the kernel would for want of memory: what `docker kill` ends isn't started again.
func (b *bench) kill(service string) {
	b.Helper()
	const format = `$(docker inspect --format '%s' $(docker compose ps --quiet %s))`
	before := b.run("echo " + fmt.Sprintf(format, "{{.State.StartedAt}}", service))
	pid := b.run("echo " + fmt.Sprintf(format, "{{.State.Pid}}", service))
	if output, err := b.inside("kill", "-KILL", pid).CombinedOutput(); err != nil {
		b.Fatalf("kill %s: %v %s", service, err, output)
	}
	waittest.Eventually(b, func() error {
		now, err := b.try("echo " + fmt.Sprintf(format, "{{.State.StartedAt}} {{.State.Health.Status}}", service))
		started, health, _ := strings.Cut(now, " ")
		if err != nil {
			return fmt.Errorf("look at %s: %w", service, err)
		}
		// Not when it was started: a service that is started over and over would look like one that gets on.
		if started == before || health != "healthy" {
			return fmt.Errorf("%s is %s, and was restarted: %t", service, health, started != before)
		}
		return nil
	})
	b.healthy()
}

// operate sets the operator's key as README's table says: what was anybody's is its holder's only.
func (b *bench) operate() {
	b.Helper()
	b.run("echo ADMIN_API_KEY=open-sesame-for-tests >>.env && docker compose up --detach")
	b.healthy()
	if output, err := b.try("curl --fail --silent http://127.0.0.1:8080/sweeps"); err == nil {
		b.Fatalf("sweeps are told to whoever asks:\n%s", output)
	}
	b.asOperator("GET", "/sweeps")
	b.asOperator("GET", "/dead-letters?kind=set_aside")
}

// holdingTheKey begins a line of who has the operator's key.
const holdingTheKey = "export ADMIN_API_KEY=$(sed -n 's/^ADMIN_API_KEY=//p' .env); "

func (b *bench) asOperator(method, path string) string {
	b.Helper()
	const line = `curl --fail --silent --show-error --header "X-Api-Key: $ADMIN_API_KEY" --request %s 'http://127.0.0.1:8080%s'`
	return b.run(holdingTheKey + fmt.Sprintf(line, method, path))
}

// restore loses the broker's disk and brings the log back, by README's steps.
func (b *bench) restore(id string) {
	b.Helper()
	if said := b.run("docker compose run --rm backup take"); strings.Contains(said, "Pulling") {
		b.Fatalf("an image that is built here was looked for on a registry:\n%s", said)
	}
	if listed := b.run("docker compose run --rm backup list"); !strings.Contains(listed, ".age") {
		b.Fatalf("no backup is listed:\n%s", listed)
	}
	b.run("docker compose stop gateway")
	b.run("docker compose rm --stop --force nats volumes && docker volume rm store-platform_log")
	b.run("docker compose run --rm backup restore")
	b.run("docker compose run --rm events rebuild")
	b.run("docker compose start gateway")
	b.healthy()
	waittest.Eventually(b, func() error {
		engines, err := b.try("curl --fail --silent --show-error http://127.0.0.1:8080/engines")
		if err == nil && !strings.Contains(engines, `"sample"`) {
			err = fmt.Errorf("which engines there are hasn't been said anew: %s", engines)
		}
		return err
	})
	b.run(holdingTheKey + "scripts/order.sh " + id)
	if sweeps := b.asOperator("GET", "/sweeps"); !strings.Contains(sweeps, `"paused":"The log was restored`) {
		b.Fatalf("sweeps go on after a restore: %s", sweeps)
	}
	b.asOperator("POST", "/sweeps/resume")
}

func (b *bench) await(id, status string) {
	b.Helper()
	b.awaitSaid("curl --fail --silent --show-error", id, status)
}

// awaitSaid asks by a curl until the store is in that status.
func (b *bench) awaitSaid(curl, id, status string) {
	b.Helper()
	waittest.Eventually(b, func() error {
		s, err := b.try(curl + " http://127.0.0.1:8080/stores/" + id)
		if err == nil && strings.Contains(s, `"status":"`+status+`"`) {
			return nil
		}
		return fmt.Errorf("%w: %s", err, s)
	})
}
