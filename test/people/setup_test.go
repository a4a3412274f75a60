// Package people_test is what people do with accounts, on broker, PostgreSQL, gateway and events as they are in production, with a mail server and an
// OpenID Connect provider: what is left of somebody who was erased, what a gateway leaves that is killed, and what they see on the page.
package people_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/mailtest"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/people"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// id is the installation's.
const id = "test-people"

// installation is one with accounts.
type installation struct {
	*testing.T
	// dir is where the broker's folder and everybody's output is, api the gateway's URL.
	dir, api string
	broker   *parts.Broker
	postgres *parts.Postgres
	office   *mailtest.Office
	running  []*parts.Process
}

// install starts it: everybody may sign up, is written to, or comes from a provider, who knows Cleo and Dora.
func install(t *testing.T) *installation {
	t.Helper()
	in := &installation{T: t, dir: t.TempDir(), office: mailtest.Open(t)}
	clone, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	if in.broker, err = parts.NewBroker(clone, in.program("store-broker"), in.dir); err != nil {
		t.Fatal(err)
	}
	command, err := in.broker.Command(parts.SyncLater)
	if err != nil {
		t.Fatal(err)
	}
	in.start("broker", command)
	if in.postgres, err = parts.StartPostgres(t.Context(), filepath.Join(in.dir, "postgres.out")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.postgres.Close(); err != nil {
			t.Error(err)
		}
	})
	gateway, events := in.address(), in.address()
	in.api = "http://" + gateway
	in.serve("gateway", gateway, in.broker.Service(in.program("store-gateway"), "gateway", in.broker.Address, "LISTEN="+gateway, "EVENTS_URL=http://"+events,
		"AUTH=accounts", "SIGNUP=open", "PUBLIC_URL="+in.api, "SMTP_URL=smtp://"+in.office.Address, "MAIL_FROM=stores@example.com",
		"OIDC_PROVIDERS="+in.provider(), "INSTALLATION="+id, "LOG_LEVEL=debug"))
	in.serve("events", events, in.broker.Service(in.program("store-events"), "events", in.broker.Address, "LISTEN="+events, "DATABASE_URL="+in.postgres.URL(),
		"LOG_LEVEL=debug"))
	if err := in.broker.Offer(t.Context(), clone); err != nil {
		t.Fatal(err)
	}
	return in
}

func (in *installation) program(name string) string {
	in.Helper()
	path, err := programtest.Path(in.Context(), name)
	if err != nil {
		in.Fatal(err)
	}
	return path
}

func (in *installation) address() string {
	in.Helper()
	address, err := porttest.Address()
	if err != nil {
		in.Fatal(err)
	}
	return address
}

// start runs a program until the test or stop ends it.
func (in *installation) start(name string, command *exec.Cmd) *parts.Process {
	in.Helper()
	process, err := parts.Start(filepath.Join(in.dir, name+".out"), command)
	if err != nil {
		in.Fatal(err)
	}
	in.Cleanup(func() { process.Stop(syscall.SIGTERM, parts.StopPatience) })
	in.running = append(in.running, process)
	return process
}

// serve is start of what is ready when it says so.
func (in *installation) serve(name, address string, command *exec.Cmd) *parts.Process {
	in.Helper()
	process := in.start(name, command)
	if err := process.Await(in.Context(), parts.StartPatience, func(ctx context.Context) error { return parts.Answers(ctx, "http://"+address+"/readyz") }); err != nil {
		in.Fatal(err)
	}
	return process
}

// stop ends everything but PostgreSQL, the newest first.
func (in *installation) stop() {
	for n := len(in.running) - 1; n >= 0; n-- {
		in.running[n].Stop(syscall.SIGTERM, parts.StopPatience)
	}
}

// Cleo and Dora are known elsewhere, by one password.
const (
	cleoName          = "Cleopatrina"
	cleoEmail         = "known.person@example.net"
	cleoUser          = "cleo"
	doraUser          = "dora"
	providersPassword = "the house knows"
)

// provider starts one who knows them, and answers the gateway's file of providers.
func (in *installation) provider() string {
	in.Helper()
	program, err := tool.OpenID.Path(in.Context(), os.Stderr)
	if err != nil {
		in.Fatal(err)
	}
	// Its example listens by a port, and is called localhost.
	_, port, err := net.SplitHostPort(in.address())
	if err != nil {
		in.Fatal(err)
	}
	known := func(id, user, name, email string) string {
		return fmt.Sprintf(`%q: {"ID": %q, "Username": %q, "Password": %q, "FirstName": %q, "LastName": "Known", "Email": %q, "EmailVerified": true,
			"PreferredLanguage": "en"}`, id, id, user, providersPassword, name, email)
	}
	users := in.write("users.json", "{"+known("id1", cleoUser, cleoName, cleoEmail)+","+known("id2", doraUser, "Dora", "dora@example.net")+"}")
	command := exec.Command(program)
	command.Env = parts.Environment("PORT="+port, "USERS_FILE="+users, "REDIRECT_URI="+in.api+"/auth/oidc/house/callback")
	process, err := parts.Start(in.write("provider.log", ""), command)
	if err != nil {
		in.Fatal(err)
	}
	in.Cleanup(func() { process.Stop(syscall.SIGTERM, parts.StopPatience) })
	issuer := "http://localhost:" + port + "/"
	err = process.Await(in.Context(), parts.StartPatience, func(ctx context.Context) error {
		return parts.Answers(ctx, issuer+".well-known/openid-configuration")
	})
	if err != nil {
		in.Fatal(err)
	}
	return in.write("providers.yaml", fmt.Sprintf("providers:\n  - { name: house, title: Example House, issuer: %q, clientID: web, clientSecretFile: %q }\n",
		issuer, in.write("secret", "secret")))
}

func (in *installation) write(name, text string) (path string) {
	in.Helper()
	path = filepath.Join(in.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		in.Fatal(err)
	}
	return path
}

// said is what a program has written.
func (in *installation) said(name string) string {
	in.Helper()
	text, err := os.ReadFile(filepath.Join(in.dir, name+".out"))
	if err != nil {
		in.Fatal(err)
	}
	return string(text)
}

// operatorsLink is the secret of the one that the gateway prints.
func (in *installation) operatorsLink() (secret string) {
	in.Helper()
	waittest.Eventually(in.T, func() error {
		if secret = people.OperatorsLink(in.said("gateway")); secret == "" {
			return errors.New("no link is printed")
		}
		return nil
	})
	return secret
}

// link is that of the letter of a kind that somebody is sent next; what else comes meanwhile is nobody's business.
func (in *installation) link(to, kind string) mailtest.Link {
	in.Helper()
	for {
		if l := in.office.Next(in.T); l.To == to && strings.Contains(l.Body, "#"+kind+"=") {
			return l.Link(in.T)
		}
	}
}

// visitor sends what a page sends, with the cookies that it was given.
type visitor struct {
	in     *installation
	client *http.Client
	tenant string
}

func (in *installation) visitor() *visitor {
	in.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		in.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: waittest.Patience(), Transport: &http.Transport{}}
	in.Cleanup(client.CloseIdleConnections)
	return &visitor{in: in, client: client}
}

// send asks, and answers the status and the body.
func (v *visitor) send(method, path, body string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(v.in.Context(), method, v.in.api+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Origin", v.in.api)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if v.tenant != "" {
		req.Header.Set("X-Tenant", v.tenant)
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, data, err
}

// did is send of what is answered so, and the answer's fields.
func (v *visitor) did(status int, method, path, body string) map[string]any {
	v.in.Helper()
	got, data, err := v.send(method, path, body)
	if err != nil || got != status {
		v.in.Fatalf("%s %s is answered %d %s, %v; want %d", method, path, got, data, err, status)
	}
	fields := map[string]any{}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &fields); err != nil {
			v.in.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
	return fields
}

// body is JSON of names and texts.
func body(pairs ...string) string {
	fields := map[string]string{}
	for n := 0; n+1 < len(pairs); n += 2 {
		fields[pairs[n]] = pairs[n+1]
	}
	data, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// password is everybody's.
const password = "a long sentence"

// signUp makes an account in a browser of its own; invite is a link's secret, or empty.
func (in *installation) signUp(email, name, invite string) *visitor {
	in.Helper()
	v := in.visitor()
	v.did(http.StatusCreated, http.MethodPost, "/auth/signup", body("email", email, "name", name, "password", password, "invite", invite))
	return v
}
