package publint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/publint"
)

const module = "example.com/m"

// check runs the lint over one file, beside a package of constants.
func check(t *testing.T, body string, exceptions ...publint.Exception) []publint.Finding {
	t.Helper()
	root := t.TempDir()
	sources := map[string]string{
		"query/query.go": "package query\n\nconst Stores = \"query.stores\"\nconst Odd = \"st\"\n",
		"svc/svc.go": "package svc\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n\t\"github.com/nats-io/nats.go\"\n\t\"github.com/nats-io/nats.go/jetstream\"\n" +
			"\t\"" + module + "/query\"\n\t\"" + module + "/platform\"\n)\n\nconst local = \"$KV.leases.\"\n\n" + body,
	}
	var names []string
	for name, text := range sources {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	findings, err := publint.Check(root, module, names, exceptions)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

func TestFindsWriters(t *testing.T) {
	for name, line := range map[string]string{
		"publish of a variable":           `js.Publish(ctx, subject, data)`,
		"publish by the connection":       `nc.Publish(subject, data)`,
		"publish of a spelled-out one":    `nc.Publish("store."+id+".event", data)`,
		"asynchronous":                    `js.PublishAsync(subject, data)`,
		"a message from elsewhere":        `js.PublishMsg(ctx, msg)`,
		"a message made here":             `nc.PublishMsg(&nats.Msg{Subject: subject})`,
		"a message made asynchronously":   `js.PublishMsgAsync(nats.NewMsg(subject))`,
		"with a reply address":            `nc.PublishRequest(subject, reply, data)`,
		"a beginning that may become one": `nc.Publish(query.Odd+rest, data)`,
		"a wildcard":                      `nc.Publish(">", data)`,
		"a schedule":                      `js.PublishMsg(ctx, nats.NewMsg("other.x"), jetstream.WithScheduleTarget(subject))`,
		"a schedule by header":            `h.Set("Nats-Schedule-Target", subject)`,
		"a formatted subject":             `_ = fmt.Sprintf("store.%s.event", id)`,
		"a pattern":                       `_ = "store.>"`,
		"a beginning":                     `_ = "store." + id`,
		"a subject cut":                   `_, _, _ = strings.Cut(raw.Subject, ".")`,
		"a subject split":                 `_ = strings.Split(msg.Subject(), ".")`,
		"the end of a subject":            `_ = strings.HasSuffix(subject, suffix)`,
		"a stream that copies":            `_ = jetstream.StreamConfig{RePublish: &jetstream.RePublish{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			findings := check(t, "func write() {\n\t"+line+"\n}\n")
			if len(findings) == 0 {
				t.Fatalf("nothing found in %s", line)
			}
			if f := findings[0]; f.File != "svc/svc.go" || f.Line != 15 {
				t.Errorf("found at %s:%d, want svc/svc.go:15", f.File, f.Line)
			}
		})
	}
}

func TestLeavesOthersAlone(t *testing.T) {
	for name, line := range map[string]string{
		"a bucket's key":          `js.Publish(ctx, local+key, data)`,
		"another package's":       `nc.Publish(query.Stores, data)`,
		"a formatted one":         `nc.Publish(fmt.Sprintf("query.%s", name), data)`,
		"a message made here":     `nc.PublishMsg(&nats.Msg{Subject: "query.stores"})`,
		"a function of a package": `platform.Publish(ctx, kv, cluster)`,
		"another's subject":       `_ = strings.TrimPrefix(msg.Subject, query.Stores)`,
		"another text":            `_, _, _ = strings.Cut(line, ".")`,
		"prose":                   `_ = "store. The same key with another body is refused."`,
		"a file":                  `_ = "store.json"`,
	} {
		t.Run(name, func(t *testing.T) {
			if findings := check(t, "func write() {\n\t"+line+"\n}\n"); len(findings) != 0 {
				t.Errorf("found %v in %s", findings, line)
			}
		})
	}
}

func TestExceptionsHoldForOneFunction(t *testing.T) {
	body := "func append() { js.PublishMsg(ctx, msg) }\n\nfunc other() { js.PublishMsg(ctx, msg) }\n"
	findings := check(t, body, publint.Exception{File: "svc/svc.go", Func: "append"})
	if len(findings) != 1 || !strings.Contains(findings[0].String(), "svc/svc.go:16") {
		t.Errorf("found %v, want only the function without an exception", findings)
	}
}
