// Package gateways asks several gateways with AUTH=accounts, as the processes that they are in production, in front of one broker, and kills
// one of them by SIGKILL: what all of them together may give away isn't seen at one, and what a process leaves behind that dies isn't in a test's own.
package gateways

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/people"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// installation is a broker with a catalog and somebody who has tenants, and gateways as they come.
type installation struct {
	t       *testing.T
	broker  *parts.Broker
	program string
	log     *storelog.Log
	owner   people.Person
	// first lets everybody do as much as they like, so that nobody has spent anything when a test begins.
	first *gateway
	// started counts the gateways, so that each has a log file of its own.
	started int
}

// gateway is one process.
type gateway struct {
	*installation
	url     string
	process *parts.Process
}

func setup(t *testing.T) *installation {
	t.Helper()
	clone, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	in := &installation{t: t}
	in.startBroker(clone)
	in.first = in.serve(in.broker.Address, "RATE_LIMIT_ENABLED=false", "CREATE_RATE_LIMIT_CAPACITY=0")
	in.first.await()
	conn, err := in.broker.Dial("gateway")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if in.log, err = storelog.Open(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if err := in.broker.Offer(t.Context(), clone); err != nil {
		t.Fatal(err)
	}
	if in.owner, err = people.Join(t.Context(), in.first.url, "maria@example.com"); err != nil {
		t.Fatal(err)
	}
	return in
}

func (in *installation) startBroker(clone string) {
	in.t.Helper()
	paths := map[string]string{"store-broker": "", "store-gateway": ""}
	for name := range paths {
		var err error
		if paths[name], err = programtest.Path(in.t.Context(), name); err != nil {
			in.t.Fatal(err)
		}
	}
	in.program = paths["store-gateway"]
	dir := in.t.TempDir()
	var err error
	if in.broker, err = parts.NewBroker(clone, paths["store-broker"], dir); err != nil {
		in.t.Fatal(err)
	}
	command, err := in.broker.Command(parts.SyncAlways)
	if err != nil {
		in.t.Fatal(err)
	}
	process, err := parts.Start(filepath.Join(dir, "broker.out"), command)
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { process.Stop(syscall.SIGTERM, parts.StopPatience) })
}

// tenants are so many of the owner's.
func (in *installation) tenants(count int) (all []people.Tenant) {
	in.t.Helper()
	for range count {
		tenant, err := in.owner.Found(in.t.Context())
		if err != nil {
			in.t.Fatal(err)
		}
		all = append(all, tenant)
	}
	return all
}

// serve starts a gateway that finds the broker at an address. Its clocks are a test's, a tenth of production's.
func (in *installation) serve(broker string, settings ...string) *gateway {
	in.t.Helper()
	address, err := porttest.Address()
	if err != nil {
		in.t.Fatal(err)
	}
	in.started++
	command := in.broker.Service(in.program, "gateway", broker, append([]string{
		"LISTEN=" + address, "EVENTS_URL=http://127.0.0.1:1", "AUTH=accounts", "SIGNUP=open", "ADMIN_API_KEY=" + people.AdminKey,
		"INSTALLATION=test-gateways", "TEST_CLOCK_DIVISOR=10", "TRUST_PROXY=127.0.0.0/8",
	}, settings...)...)
	process, err := parts.Start(filepath.Join(in.t.TempDir(), fmt.Sprintf("gateway-%d.out", in.started)), command)
	if err != nil {
		in.t.Fatal(err)
	}
	g := &gateway{installation: in, url: "http://" + address, process: process}
	in.t.Cleanup(g.kill)
	return g
}

// await returns when it is ready.
func (g *gateway) await() {
	g.t.Helper()
	err := g.process.Await(g.t.Context(), waittest.Patience(), func(ctx context.Context) error { return parts.Answers(ctx, g.url+"/readyz") })
	if err != nil {
		g.t.Fatal(err)
	}
}

// awaitEngines returns when all of them know what is on offer, of which they hear by the broker.
func awaitEngines(gateways ...*gateway) {
	for _, g := range gateways {
		g.t.Helper()
		g.await()
		waittest.Eventually(g.t, func() error {
			page, err := parts.Page(g.t.Context(), g.url+"/engines")
			if err == nil && !bytes.Contains(page, []byte(`"sample"`)) {
				err = errors.New("it offers no sample")
			}
			return err
		})
	}
}

// kill ends the gateway without a word, as all of them end here: one that takes leave waits for connections over which nothing was asked.
func (g *gateway) kill() {
	g.process.Signal(syscall.SIGKILL)
	<-g.process.Ended()
}

// client has room for everybody's connections.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}, Timeout: waittest.Patience()}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// is what of a store or a problem is looked at.
func (a answer) is() (said struct{ ID, Code string }) {
	_ = json.Unmarshal(a.body, &said)
	return said
}

// send asks, and fails where the gateway doesn't answer.
func (g *gateway) send(method, path, body string, header ...string) (a answer, err error) {
	request, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	a = answer{status: response.StatusCode, header: response.Header}
	a.body, err = io.ReadAll(response.Body)
	return a, err
}

// do is send to a gateway that lives.
func (g *gateway) do(method, path, body string, header ...string) answer {
	g.t.Helper()
	a, err := g.send(method, path, body, header...)
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// as shows a tenant's token.
func as(tenant people.Tenant) []string { return []string{"Authorization", "Bearer " + tenant.Token} }
