package people_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/parts"
)

// personal is what may stand nowhere behind the erasure: what is in an address or a name and in nothing else.
var personal = []string{
	"proved.person", "Petronella", "unproved.person", "Ulrikalisa", "moving.person", "wished.person", "Moritzhelm", "invited.person", "Inesmarit",
	"guest.person", "known.person", cleoName,
}

// kept is what of it a backup has that is taken while they are there: an invite, and whom it is for, is in none.
var kept = slices.DeleteFunc(slices.Clone(personal), func(text string) bool { return text == "guest.person" })

// boss stays, and so does what is searched for to see that it would be found.
const boss = "staying.person@example.net"

// forms are a text and what it looks like packed in something else, wherever it begins there.
func forms(text string) []string {
	all := []string{text, hex.EncodeToString([]byte(text))}
	for before := range 3 {
		packed := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + text))
		// What its neighbours share letters with is cut off.
		all = append(all, packed[(before*8+5)/6:(before+len(text))*8/6])
	}
	return all
}

// all are the forms of several texts.
func all(texts []string) (found []string) {
	for _, text := range texts {
		found = append(found, forms(text)...)
	}
	return found
}

// Nothing is left of who was erased: in no message of the broker's, no row, no line of anybody's log, and no backup that is taken behind it; and
// what an older backup brings back is gone before a gateway lets anybody in. Whether the address was proved, was to be another, was invited, or was
// learnt from a provider.
func TestNothingIsLeftOfWhoWasErased(t *testing.T) {
	t.Parallel()
	in := install(t)
	chief := in.signUp(boss, "Staying", in.operatorsLink())
	people := in.arrive(chief)
	shelf := t.TempDir()
	older := in.backup(shelf, in.broker.Address, "take")

	for _, v := range people {
		v.did(http.StatusNoContent, http.MethodDelete, "/auth/me", body("current", password))
	}
	waittest.Eventually(t, func() error {
		if n := strings.Count(in.rows(), string(storelog.AccountErased)); n != len(people) {
			return fmt.Errorf("%d of %d erasures are in the read model", n, len(people))
		}
		return nil
	})
	later := in.backup(shelf, in.broker.Address, "take")
	in.wantNowhere("row", in.rows(), "Amber tea")
	in.stop()
	in.wantNowhere("line of a log", in.lines(), "serving")
	in.checkBroker(&server.Options{StoreDir: filepath.Join(in.dir, "log")})

	// A backup holds what comes back from it.
	in.checkBroker(in.restored(shelf, later))

	options := in.restored(shelf, older)
	broker := bustest.StartServer(t, options)
	conn := bustest.Connect(t, broker)
	for _, text := range kept {
		if len(bustest.Holding(t, conn, text)) == 0 {
			t.Errorf("%s isn't in the older backup, and nothing would show that it is erased", text)
		}
	}
	address := in.address()
	gateway := exec.Command(in.program("store-gateway"))
	gateway.Env = parts.Environment("NATS_URL="+broker.ClientURL(), "LISTEN="+address, "AUTH=accounts", "INSTALLATION="+id)
	in.serve("restored", address, gateway)
	if places := bustest.Holding(t, conn, all(personal)...); len(places) > 0 {
		t.Errorf("open, a gateway on an older backup has what was erased in %v", places)
	}
	in.wantNowhere("line of a log", in.said("restored"), "serving")
}

// arrive has somebody of each kind come, and answers in which browsers they are.
func (in *installation) arrive(chief *visitor) []*visitor {
	in.Helper()
	tenant, _ := chief.did(http.StatusCreated, http.MethodPost, "/tenants", body("name", "Amber"))["id"].(string)
	invite := func(email, role string) (id string) {
		id, _ = chief.did(http.StatusCreated, http.MethodPost, "/tenants/"+tenant+"/invites", body("email", email, "role", role))["id"].(string)
		return id
	}
	verified := func(email, name string) *visitor {
		v := in.signUp(email, name, "")
		v.did(http.StatusOK, http.MethodPost, "/auth/verify", body("link", in.link(email, "verify").Secret))
		return v
	}
	proved := verified("proved.person@example.org", "Petronella Proved")
	invite("proved.person@example.org", "owner")
	proved.did(http.StatusOK, http.MethodPost, "/invites/take", body("invite", in.link("proved.person@example.org", "invite").Secret))
	proved.tenant = tenant
	proved.did(http.StatusCreated, http.MethodPost, "/auth/tokens", `{"name":"Nightly","scopes":["stores:read"]}`)
	proved.did(http.StatusAccepted, http.MethodPost, "/stores", `{"name":"Amber tea","engine":"sample"}`)
	in.refused("proved.person@example.org")

	unproved := in.signUp("unproved.person@example.org", "Ulrikalisa Unproved", "")
	moving := verified("moving.person@example.org", "Moritzhelm Moving")
	moving.did(http.StatusOK, http.MethodPatch, "/auth/me", body("email", "wished.person@example.org", "current", password))
	invited := verified("invited.person@example.org", "Inesmarit Invited")
	invite("invited.person@example.org", "viewer")
	guest := invite("guest.person@example.org", "viewer")
	chief.did(http.StatusNoContent, http.MethodDelete, "/tenants/"+tenant+"/invites/"+guest, "")
	return []*visitor{proved, unproved, moving, invited, in.knownElsewhere()}
}

// refused has all fail that somebody can try with an address, since what fails is what is told to logs.
func (in *installation) refused(email string) {
	in.Helper()
	v := in.visitor()
	v.did(http.StatusUnauthorized, http.MethodPost, "/auth/login", body("email", email, "password", "another sentence"))
	v.did(http.StatusConflict, http.MethodPost, "/auth/signup", body("email", email, "name", "Petronella", "password", "another sentence"))
	v.did(http.StatusUnprocessableEntity, http.MethodPost, "/auth/signup", body("email", "Petronella <"+email+">", "name", "Petronella", "password", password))
	v.did(http.StatusUnauthorized, http.MethodGet, "/accounts?after="+url.QueryEscape(email), "")
	v.did(http.StatusNotFound, http.MethodGet, "/"+email, "")
	in.office.Refuse(&smtp.SMTPError{Code: 550, Message: "there is no " + email + " here"})
	v.did(http.StatusAccepted, http.MethodPost, "/auth/reset", body("email", email))
	waittest.Eventually(in.T, func() error {
		if !strings.Contains(in.said("gateway"), "a letter wasn't delivered") {
			return errors.New("the refused letter isn't told")
		}
		return nil
	})
	in.office.Refuse(nil)
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// knownElsewhere is Cleo, come from the provider.
func (in *installation) knownElsewhere() *visitor {
	in.Helper()
	v := in.visitor()
	form, err := v.client.Get(in.api + "/auth/oidc/house/start")
	if err != nil {
		in.Fatal(err)
	}
	page, err := io.ReadAll(form.Body)
	found := requestID.FindSubmatch(page)
	if err := errors.Join(err, form.Body.Close()); err != nil || found == nil {
		in.Fatalf("no form to sign in by: %s %s, %v", form.Status, page, err)
	}
	back, err := v.client.PostForm(form.Request.URL.Scheme+"://"+form.Request.URL.Host+"/login/username",
		url.Values{"id": {string(found[1])}, "username": {cleoUser}, "password": {providersPassword}})
	if err != nil {
		in.Fatal(err)
	}
	if err := back.Body.Close(); err != nil {
		in.Fatal(err)
	}
	if me := v.did(http.StatusOK, http.MethodGet, "/auth/me", ""); me["email"] != cleoEmail {
		in.Fatalf("who comes from the provider is %v", me)
	}
	return v
}

// backup runs the program that takes backups and restores them, and answers the last that it prints.
func (in *installation) backup(shelf, broker string, words ...string) string {
	in.Helper()
	command := in.broker.Service(in.program("store-backup"), "backup", broker, "BACKUP_URL=file://"+shelf+"?no_tmp_dir=true",
		"BACKUP_KEYS=p0123456789abcdef0123456789abcdef", "INSTALLATION="+id)
	command.Args = append(command.Args, words...)
	log, err := os.OpenFile(filepath.Join(in.dir, "backup.out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		in.Fatal(err)
	}
	defer log.Close()
	var out bytes.Buffer
	command.Stdout, command.Stderr = io.MultiWriter(&out, log), log
	if err := guard.Run(in.Context(), command); err != nil {
		in.Fatalf("%v: %v\n%s", words, err, in.said("backup"))
	}
	lines := strings.Fields(out.String())
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// restored is the folder of a broker that has a backup's content and nothing else.
func (in *installation) restored(shelf, backup string) *server.Options {
	in.Helper()
	options := &server.Options{StoreDir: in.TempDir()}
	broker := bustest.StartServer(in.T, options)
	in.backup(shelf, broker.Addr().String(), "restore", "--from", backup)
	broker.Shutdown()
	broker.WaitForShutdown()
	return &server.Options{StoreDir: options.StoreDir}
}

// checkBroker looks through a broker's folder, by a broker that asks nobody who they are.
func (in *installation) checkBroker(options *server.Options) {
	in.Helper()
	broker := bustest.StartServer(in.T, options)
	conn := bustest.Connect(in.T, broker)
	if places := bustest.Holding(in.T, conn, all(personal)...); len(places) > 0 {
		in.Errorf("what was erased stands in %v", places)
	}
	if len(bustest.Holding(in.T, conn, forms(boss)...)) == 0 {
		in.Error("who stays isn't found, and so nobody would be")
	}
	conn.Close()
	broker.Shutdown()
	broker.WaitForShutdown()
}

// rows is all that stands in any table, as text.
func (in *installation) rows() string {
	in.Helper()
	ctx := in.Context()
	conn, err := pgx.Connect(ctx, in.postgres.URL())
	if err != nil {
		in.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	texts := func(query string) []string {
		found, err := conn.Query(ctx, query)
		if err != nil {
			in.Fatal(err)
		}
		texts, err := pgx.CollectRows(found, pgx.RowTo[string])
		if err != nil {
			in.Fatal(err)
		}
		return texts
	}
	var rows []string
	for _, table := range texts(`SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`) {
		rows = append(rows, texts(`SELECT t::text FROM `+table+` t`)...)
	}
	return strings.Join(rows, "\n")
}

// lines is all that anybody has written.
func (in *installation) lines() (lines string) {
	in.Helper()
	names, err := filepath.Glob(filepath.Join(in.dir, "*.out"))
	if err != nil || len(names) < 5 {
		in.Fatalf("the logs are %q, %v", names, err)
	}
	for _, name := range names {
		lines += in.said(strings.TrimSuffix(filepath.Base(name), ".out"))
	}
	return lines
}

// wantNowhere looks for what is personal in a text that has at least one thing.
func (in *installation) wantNowhere(kind, text, has string) {
	in.Helper()
	if !strings.Contains(text, has) {
		in.Errorf("no %s has %q, and so nothing would be found", kind, has)
	}
	for line := range strings.Lines(text) {
		for _, one := range all(personal) {
			if strings.Contains(strings.ToLower(line), strings.ToLower(one)) {
				in.Errorf("a %s has %s: %s", kind, one, line)
			}
		}
	}
}
