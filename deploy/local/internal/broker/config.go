// Package broker writes the configuration of the local broker: nats-server on loopback,
// every write fsynced, one user per service with the subjects that its work takes and
// no others. The program cmd/broker runs it.
package broker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
)

// maxPayload bounds a message; a store's state and spec are a few kilobytes.
const maxPayload = 1 << 20

// Settings are what the configuration depends on.
type Settings struct {
	// Address is host:port to listen on, loopback.
	Address string
	// Store is the folder of the log.
	Store string
	// Passwords holds one for each of Users.
	Passwords map[string]string
}

// Config is the text of a nats-server configuration file. It holds the passwords, so it
// belongs in a file of mode 0600.
func Config(s Settings) ([]byte, error) { return configFor(s, clusters) }

func configFor(s Settings, clusters []string) ([]byte, error) {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, fmt.Errorf("read the broker's address: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("read the broker's port: %w", err)
	}
	table, names := grants(clusters), usersOf(clusters)
	users := make([]any, 0, len(names))
	for _, name := range names {
		if s.Passwords[name] == "" {
			return nil, fmt.Errorf("the broker's user %s has no password", name)
		}
		users = append(users, map[string]any{
			"user":        name,
			"password":    s.Passwords[name],
			"permissions": permissions(name, table[name]),
		})
	}
	// nats-server reads JSON as its own format, and JSON quotes whatever a path holds. It
	// doesn't know \u003e, though, which Go would write for the ">" of a subject.
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(map[string]any{
		"server_name": "store-platform-local",
		"host":        host,
		"port":        number,
		"max_payload": maxPayload,
		"jetstream": map[string]any{
			"store_dir":     s.Store,
			"sync_interval": "always",
		},
		"authorization": map[string]any{"users": users},
	})
	if err != nil {
		return nil, fmt.Errorf("write the broker's configuration: %w", err)
	}
	return text.Bytes(), nil
}

func permissions(user string, g grant) map[string]any {
	publish := map[string]any{"allow": g.publish}
	if len(g.denied) > 0 {
		publish["deny"] = g.denied
	}
	p := map[string]any{
		"publish":   publish,
		"subscribe": map[string]any{"allow": g.subscriptions(user)},
	}
	if g.answers {
		p["allow_responses"] = true
	}
	return p
}
