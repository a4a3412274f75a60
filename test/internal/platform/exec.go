package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fasthttp/websocket"
)

// The channels of what an API server says of a command in a container; what is said of its end is JSON.
const (
	execOutput    = 1
	execComplaint = 2
	execEnd       = 3
)

// Exec runs a command in a pod's first container, as kubectl exec does, and answers what it has said.
func (k *Kubernetes) Exec(ctx context.Context, namespace, pod string, command ...string) (string, error) {
	transport, ok := k.client.Transport.(*http.Transport)
	if !ok {
		return "", errors.New("the API isn't reached by HTTP")
	}
	parameters := url.Values{"command": command, "stdout": {"true"}, "stderr": {"true"}}
	address := strings.Replace(k.Server, "http", "ws", 1) + "/api/v1/namespaces/" + namespace + "/pods/" + pod + "/exec?" + parameters.Encode()
	dialer := websocket.Dialer{TLSClientConfig: transport.TLSClientConfig, Subprotocols: []string{"v5.channel.k8s.io"}}
	conn, response, err := dialer.DialContext(ctx, address, nil)
	if err != nil {
		if response != nil {
			err = fmt.Errorf("%w: %s", err, response.Status)
		}
		return "", fmt.Errorf("run %s in %s: %w", command[0], pod, err)
	}
	defer conn.Close()
	var said strings.Builder
	for {
		_, message, err := conn.ReadMessage()
		if err != nil || len(message) == 0 {
			return said.String(), fmt.Errorf("run %s in %s: %w", command[0], pod, errors.Join(err, errors.New("nobody said how it ended")))
		}
		switch message[0] {
		case execOutput, execComplaint:
			said.Write(message[1:])
		case execEnd:
			var end struct {
				Status  string `json:"status"`
				Message string `json:"message"`
			}
			if err := json.Unmarshal(message[1:], &end); err != nil || end.Status != "Success" {
				return said.String(), fmt.Errorf("run %s in %s: %w: %s", command[0], pod, errors.Join(err, errors.New(end.Message)), said.String())
			}
			return said.String(), nil
		}
	}
}
