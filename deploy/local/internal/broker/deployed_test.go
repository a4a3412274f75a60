package broker

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// update rewrites the file instead of comparing: go test ./internal/broker -run Deployed -update
var update = flag.Bool("update", false, "write deploy/k8s/files/users.conf")

const deployedUsers = "../../../k8s/files/users.conf"

const deployedHead = `# The broker's users: one per service, each with the subjects of its work and no others. Compose and chart include this
# file; a test makes it of the table that deploy/local makes its own broker's users of. Passwords come from the
# environment and begin with a letter, or nats-server would read some of them as numbers.
authorization {
  users: [
`

// TestDeployedUsersAreTheLocalOnes: whoever runs the broker, each service may do the same.
func TestDeployedUsersAreTheLocalOnes(t *testing.T) {
	want := deployed()
	if *update {
		if err := os.WriteFile(deployedUsers, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(deployedUsers)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s isn't made of the table any more; run this test with -update", filepath.Clean(deployedUsers))
	}
	// As compose mounts them: beside each other.
	dir := t.TempDir()
	for name, source := range map[string]string{"users.conf": deployedUsers, "nats.conf": "../../../compose/broker/nats.conf"} {
		data, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range Users {
		t.Setenv(passwordVariable(user), "p"+user)
	}
	options, err := server.ProcessConfigFile(filepath.Join(dir, "nats.conf"))
	if err != nil {
		t.Fatalf("nats-server refuses the files: %v", err)
	}
	if !options.SyncAlways || !options.JetStream {
		t.Errorf("sync always %v, JetStream %v", options.SyncAlways, options.JetStream)
	}
	if options.HTTPHost != "127.0.0.1" {
		t.Errorf("the monitor, which asks for no password, listens on %q", options.HTTPHost)
	}
	for _, user := range options.Users {
		if user.Password != "p"+user.Username {
			t.Errorf("%s has password %q", user.Username, user.Password)
		}
	}
	if len(options.Users) != len(Users)-1 {
		t.Errorf("%d users, want all but the supervisor's", len(options.Users))
	}
}

func passwordVariable(user string) string { return "NATS_PASSWORD_" + strings.ToUpper(user) }

func deployed() []byte {
	var text bytes.Buffer
	text.WriteString(deployedHead)
	table := grants(clusters)
	for _, user := range Users {
		if user == Local {
			continue
		}
		fmt.Fprintf(&text, "    {\n      user: %s\n      password: $%s\n      permissions {\n", user, passwordVariable(user))
		text.WriteString("        publish {\n")
		writeSubjects(&text, "allow", table[user].publish)
		writeSubjects(&text, "deny", table[user].denied)
		text.WriteString("        }\n        subscribe {\n")
		writeSubjects(&text, "allow", table[user].subscriptions(user))
		text.WriteString("        }\n")
		if table[user].answers {
			text.WriteString("        allow_responses: true\n")
		}
		text.WriteString("      }\n    }\n")
	}
	text.WriteString("  ]\n}\n")
	return text.Bytes()
}

func writeSubjects(text *bytes.Buffer, verb string, subjects []string) {
	if len(subjects) == 0 {
		return
	}
	fmt.Fprintf(text, "          %s: [\n", verb)
	written := map[string]bool{}
	for _, subject := range subjects {
		if !written[subject] {
			fmt.Fprintf(text, "            %q\n", subject)
		}
		written[subject] = true
	}
	text.WriteString("          ]\n")
}
