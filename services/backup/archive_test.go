package backup

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/backup/internal/seal"
	"github.com/store-platform/store-platform/services/backup/internal/snapshot"
)

const newKey = "pfedcba9876543210fedcba9876543210"

// full is a broker whose log, of an installation, has so many messages.
func full(t *testing.T, installation string, messages int) *nats.Conn {
	t.Helper()
	nc := bustest.StartFor(t, installation)
	for log, n := openLog(t, nc), 0; n < messages; n++ {
		if _, err := append1(t.Context(), log, n); err != nil {
			t.Fatal(err)
		}
	}
	return nc
}

func empty(t *testing.T) *nats.Conn {
	t.Helper()
	return bustest.Connect(t, bustest.StartServer(t, &server.Options{}))
}

// taken is the path of a new backup.
func taken(t *testing.T, nc *nats.Conn, dir string, change ...func(*Config)) string {
	t.Helper()
	name, err := do(t, nc, dir, "take", change...)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func keys(k ...string) func(*Config) { return func(c *Config) { c.Keys = k } }

func of(installation string) func(*Config) {
	return func(c *Config) { c.Installation = installation }
}

func from(name string) func(*Config) { return func(c *Config) { c.From = name } }

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// checkNoLog: what was refused has left nothing, not even in the way of a whole backup.
func checkNoLog(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	waittest.Eventually(t, func() error {
		if _, err := js.Stream(t.Context(), storelog.Stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("there is a log: %v", err)
		}
		return nil
	})
}

// Two installations keep their backups in one place, and neither removes, shows, restores or takes what is the other's.
func TestInstallationsShareAPlace(t *testing.T) {
	dir, none := t.TempDir(), empty(t)
	one, two := full(t, "one", 1), full(t, "one/two", 2)
	keep1 := func(c *Config) { c.Keep = 1 }
	first := taken(t, one, dir, keep1)
	second := taken(t, two, dir, keep1, of("one/two"))
	third := taken(t, two, dir, keep1, of("one/two"))
	for path, there := range map[string]bool{first: true, second: second == third, third: true} {
		if _, err := os.Stat(path); there != (err == nil) {
			t.Errorf("%s is there: %v, want %v", path, err, there)
		}
	}
	if listed, err := do(t, none, dir, "list"); err != nil || filepath.Join(dir, listed) != first {
		t.Errorf("one is shown %q, %v", listed, err)
	}
	if _, err := do(t, two, dir, "take"); !errors.Is(err, storelog.ErrForeignLog) {
		t.Errorf("one takes the log of the other: %v", err)
	}
	name, err := filepath.Rel(dir, first)
	if err != nil {
		t.Fatal(err)
	}
	_, err = do(t, none, dir, "restore", of("two"), from(name))
	if !errors.Is(err, storelog.ErrForeignLog) || !strings.Contains(err.Error(), `it belongs to "one", this is "two"`) {
		t.Errorf("restored by name: %v", err)
	}
	// Under another name it is still whose it is, also with the same key.
	moved := filepath.Join("two", filepath.Base(first))
	put(t, filepath.Join(dir, moved), read(t, first))
	_, err = do(t, none, dir, "restore", of("two"), from(moved))
	if !errors.Is(err, storelog.ErrForeignLog) || !strings.Contains(err.Error(), `it belongs to "one", this is "two"`) {
		t.Errorf("restored under another name: %v", err)
	}
	checkNoLog(t, none)
}

// Each says what is wrong with it, and none becomes a log.
func TestABrokenBackupIsNotRestored(t *testing.T) {
	nc, none, dir := full(t, "one", 1000), empty(t), t.TempDir()
	path := taken(t, nc, dir)
	whole := read(t, path)
	const part = 64 << 10 // that is encrypted at once
	if len(whole) < part+part/4 {
		t.Fatalf("%d bytes have no second part", len(whole))
	}
	turned := func(at int) []byte {
		data := bytes.Clone(whole)
		data[at] ^= 1
		return data
	}
	// One letter of the salt becomes another one. A turned bit could make it what no salt is written with, and that is a
	// head which can't be read at all.
	const inSalt = len("age-encryption.org/v1\n-> scrypt ")
	resalted := bytes.Clone(whole)
	resalted[inSalt] = 'A'
	if whole[inSalt] == 'A' {
		resalted[inSalt] = 'B'
	}
	for name, c := range map[string]struct {
		data []byte
		keys seal.Keys
		want error
	}{
		"empty":                   {nil, seal.Keys{key}, seal.ErrCut},
		"only a head":             {whole[:100], seal.Keys{key}, seal.ErrCut},
		"half of it":              {whole[:len(whole)/2], seal.Keys{key}, seal.ErrCut},
		"all but the last byte":   {whole[:len(whole)-1], seal.Keys{key}, seal.ErrCut},
		"more than all":           {append(bytes.Clone(whole), 0), seal.Keys{key}, seal.ErrCut},
		"a bit in its first part": {turned(part / 2), seal.Keys{key}, seal.ErrChanged},
		"its last bit":            {turned(len(whole) - 1), seal.Keys{key}, seal.ErrCut},
		"another salt":            {resalted, seal.Keys{key}, seal.ErrOtherKey},
		"a bit in its version":    {turned(20), seal.Keys{key}, seal.ErrChanged},
		"not encrypted":           {[]byte("{}\n"), seal.Keys{key}, seal.ErrChanged},
		"of another key":          {whole, seal.Keys{newKey}, seal.ErrOtherKey},
		"without a key":           {whole, nil, seal.ErrNoKey},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, path, c.data)
			_, err := do(t, none, dir, "restore", keys(c.keys...))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), filepath.Base(path)) {
				t.Errorf("restored: %v, want %v and its name", err, c.want)
			}
			checkNoLog(t, none)
		})
	}
	// Nor does any of them stand in the way of a whole one.
	put(t, path, whole)
	if _, err := do(t, none, dir, "restore"); err != nil {
		t.Fatal(err)
	}
	if head, err := openLog(t, none).Head(t.Context()); err != nil || head != 1000 {
		t.Errorf("the whole one came back up to message %d, %v", head, err)
	}
}

// A broker may give what is none of its messages, or not all of them. That is found out before the archive counts.
func TestWhatTheBrokerGaveIsRead(t *testing.T) {
	good := read(t, plain(t, full(t, "one", 20), t.TempDir()))
	_, files, _ := bytes.Cut(good, []byte("\n"))
	for name, c := range map[string]struct {
		messages int
		files    []byte
		want     error
	}{
		"not what a broker gives": {20, []byte("rubbish"), snapshot.ErrOldBroker},
		"nothing":                 {20, nil, snapshot.ErrOldBroker},
		"cut short":               {20, files[:len(files)/2], snapshot.ErrOldBroker},
		"fewer than it says":      {21, files, snapshot.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := do(t, giving(t, c.messages, c.files), dir, "take"); !errors.Is(err, c.want) {
				t.Errorf("taken: %v, want %v", err, c.want)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "one", "*")); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
	if _, err := do(t, giving(t, 20, files), t.TempDir(), "take"); err != nil {
		t.Errorf("what is whole isn't taken: %v", err)
	}
}

// Before anything is copied: a broker of before 2.15 has no answer here, and would be waited for.
func TestAnOldBrokerIsRefusedBeforeACopy(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, `INFO {"server_id":"old","version":"2.14.9","headers":true,"max_payload":1048576}`+"\r\n")
			go func() {
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					if strings.HasPrefix(lines.Text(), "PING") {
						fmt.Fprint(conn, "PONG\r\n")
					}
				}
			}()
		}
	}()
	nc, err := nats.Connect("nats://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	_, err = do(t, nc, t.TempDir(), "take")
	if !errors.Is(err, storelog.ErrOldServer) || !strings.Contains(err.Error(), "nats-server 2.14.9, at least 2.15 is needed") {
		t.Errorf("taken: %v", err)
	}
}

// giving is a broker that gives these as the files of a log.
func giving(t *testing.T, messages int, files []byte) *nats.Conn {
	t.Helper()
	// Not bustest's: a broker that has JetStream answers by itself.
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the broker doesn't accept connections")
	}
	nc := bustest.Connect(t, s)
	asked, people := bustest.Listen(t, nc, "$JS.API.STREAM.SNAPSHOT.STORES"), bustest.Listen(t, nc, "$JS.API.STREAM.INFO.*")
	go func() {
		if msg, err := people.NextMsg(time.Minute); err == nil {
			_ = msg.Respond([]byte(`{"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":404,"err_code":10059,"description":"stream not found"}}`))
		}
	}()
	go func() {
		var request struct {
			Deliver string `json:"deliver_subject"`
		}
		msg, err := asked.NextMsg(time.Minute)
		if err != nil || json.Unmarshal(msg.Data, &request) != nil {
			return // what asked will say so
		}
		_ = msg.Respond(fmt.Appendf(nil, `{"config":{"name":"STORES"},"state":{"messages":%d,"last_seq":20}}`, messages))
		for part := range slices.Chunk(files, 1<<10) {
			_ = nc.Publish(request.Deliver, part)
		}
		_ = nc.Publish(request.Deliver, nil)
	}()
	return nc
}

func TestAKeyIsReplaced(t *testing.T) {
	nc, dir := full(t, "one", 1), t.TempDir()
	older, err := do(t, nc, dir, "take")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := append1(t.Context(), openLog(t, nc), 1); err != nil {
		t.Fatal(err)
	}
	newer, err := do(t, nc, dir, "take", keys(newKey, key))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from string
		keys seal.Keys
		want error
	}{
		"the older by both":       {older, seal.Keys{newKey, key}, nil},
		"the newer by both":       {newer, seal.Keys{newKey, key}, nil},
		"the newer by the new":    {newer, seal.Keys{newKey}, nil},
		"the newer by the old":    {newer, seal.Keys{key}, seal.ErrOtherKey},
		"the older by the new":    {older, seal.Keys{newKey}, seal.ErrOtherKey},
		"with a line's end to it": {newer, seal.Keys{newKey + "\n"}, nil},
	} {
		if _, err := do(t, empty(t), dir, "restore", from(c.from), keys(c.keys...)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What people may read, and what lies elsewhere, says neither key nor content.
func TestNothingSaysTheKey(t *testing.T) {
	nc, dir := full(t, "one", 1), t.TempDir()
	var said bytes.Buffer
	for _, c := range []Config{
		{Do: "take", Keys: seal.Keys{key}}, {Do: "restore", Keys: seal.Keys{newKey}}, {Do: "list", Keys: seal.Keys{key}},
		{Do: "take", Keys: seal.Keys{key, key[:20]}},
	} {
		c.URL, c.Keep, c.Installation, c.NATS.URL = "file://"+dir+"?no_tmp_dir=true", 1, "one", nc.ConnectedUrl()
		if err := Run(t.Context(), c, &said, &said); err != nil {
			said.WriteString(err.Error())
		}
	}
	if err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			said.Write(read(t, path))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{key[:20], newKey[:20], "STORES", `"config"`} {
		if strings.Contains(said.String(), secret) {
			t.Errorf("%q is said", secret)
		}
	}
}

// plain is a backup as earlier releases made them, which is neither encrypted nor says in its head whose it is.
func plain(t *testing.T, nc *nats.Conn, dir string) string {
	t.Helper()
	log, err := snapshot.Take(t.Context(), nc, storelog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	var data bytes.Buffer
	if err := encode(t.Context(), log, &data); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "stores-20260101T000000Z-000000000001.snapshot")
	put(t, path, data.Bytes())
	return path
}

func TestBackupsOfEarlierReleasesAreRestored(t *testing.T) {
	nc, none, dir := full(t, "one", 3), empty(t), t.TempDir()
	name := filepath.Base(plain(t, nc, dir))
	taken(t, nc, dir, func(c *Config) { c.Keep = 1 })
	if listed, err := do(t, none, dir, "list"); err != nil || !strings.HasPrefix(listed, name+"\n") {
		t.Errorf("listed %q, %v", listed, err)
	}
	if _, err := do(t, none, dir, "restore", from(name), of("two")); !errors.Is(err, storelog.ErrForeignLog) {
		t.Errorf("another's is restored: %v", err)
	}
	checkNoLog(t, none)
	if _, err := do(t, none, dir, "restore", from(name), keys()); err != nil {
		t.Fatal(err)
	}
	if head, err := openLog(t, none).Head(t.Context()); err != nil || head != 3 {
		t.Errorf("it came back up to message %d, %v", head, err)
	}
}

func TestWhatMustBeSaid(t *testing.T) {
	for name, c := range map[string]Config{
		"no key":          {Do: "take", Keep: 1, Installation: "one"},
		"a short key":     {Do: "restore", Keep: 1, Installation: "one", Keys: seal.Keys{"sesame"}},
		"no installation": {Do: "list", Keep: 1, Keys: seal.Keys{key}},
		"none kept":       {Do: "take", Installation: "one", Keys: seal.Keys{key}},
	} {
		if err := c.check(); err == nil {
			t.Errorf("%s: taken as enough", name)
		}
	}
	list := Config{Do: "list", Keep: 1, Installation: "one", URL: "file://" + t.TempDir()}
	if err := Run(t.Context(), list, io.Discard, io.Discard); err != nil {
		t.Errorf("listing takes a key: %v", err)
	}
}
