package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// dialService opens a connection to a ready pod behind a Service. It speaks the port-forward protocol itself:
// client-go's forwarder listens on a local port, which anybody on the machine could use, and logs every refusal.
func (l *link) dialService(ctx context.Context, namespace, service string) (net.Conn, error) {
	pod, port, err := l.readyEndpoint(ctx, namespace, service)
	if err != nil {
		return nil, err
	}
	connection, err := l.dialPod(ctx, namespace, pod)
	if err != nil {
		return nil, fmt.Errorf("open port-forward to pod %s: %w", pod, err)
	}
	conn, err := newPodConn(connection, port)
	if err != nil {
		_ = connection.Close()
		return nil, fmt.Errorf("open port-forward to port %d of pod %s: %w", port, pod, err)
	}
	return conn, nil
}

// readyEndpoint takes the first ready one. The Service's own port isn't compared: the endpoints carry the pods', and
// a store's Service has one.
func (l *link) readyEndpoint(ctx context.Context, namespace, service string) (pod string, port int32, err error) {
	slices, err := l.client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + service})
	if err != nil {
		return "", 0, fmt.Errorf("list endpoints of service %s: %w", service, err)
	}
	for _, slice := range slices.Items {
		if len(slice.Ports) == 0 || slice.Ports[0].Port == nil {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			if ready && endpoint.TargetRef != nil && endpoint.TargetRef.Kind == "Pod" {
				return endpoint.TargetRef.Name, *slice.Ports[0].Port, nil
			}
		}
	}
	return "", 0, fmt.Errorf("service %s has no ready endpoint", service)
}

// dialPod tries WebSocket first and then SPDY, which older API servers and proxies still want. Neither knows a
// context, so a late connection is closed behind the caller's back.
func (l *link) dialPod(ctx context.Context, namespace, pod string) (httpstream.Connection, error) {
	address := l.client.CoreV1().RESTClient().Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(l.config)
	if err != nil {
		return nil, err
	}
	overSPDY := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, address)
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(address, l.config)
	if err != nil {
		return nil, err
	}
	either := portforward.NewFallbackDialerForStreaming(overWebSocket, overSPDY, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	type dialed struct {
		connection httpstream.Connection
		err        error
	}
	result := make(chan dialed, 1)
	go func() {
		connection, _, err := either.Dial(portforward.PortForwardProtocolV1Name)
		result <- dialed{connection, err}
	}()
	select {
	case d := <-result:
		return d.connection, d.err
	case <-ctx.Done():
		go func() {
			if d := <-result; d.err == nil {
				_ = d.connection.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// podConn is one forwarded connection. The stream knows no deadlines: who holds it closes it when time is up, as
// net/http does when its context ends.
type podConn struct {
	httpstream.Stream
	connection httpstream.Connection
	port       int32
}

func newPodConn(connection httpstream.Connection, port int32) (net.Conn, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(int(port)))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	refusals, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	// The pod's side of an error stream is all that is read of it.
	if err := refusals.Close(); err != nil {
		return nil, err
	}
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	conn := &podConn{Stream: data, connection: connection, port: port}
	go conn.closeOnRefusal(refusals)
	return conn, nil
}

// closeOnRefusal ends the connection when the kubelet says that nobody listens; the data stream alone would hang.
func (c *podConn) closeOnRefusal(refusals io.Reader) {
	message, err := io.ReadAll(refusals)
	if err != nil || len(message) > 0 {
		_ = c.connection.Close()
	}
}

func (c *podConn) Close() error {
	return errors.Join(c.Stream.Close(), c.connection.Close())
}

func (c *podConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *podConn) RemoteAddr() net.Addr             { return &net.TCPAddr{Port: int(c.port)} }
func (c *podConn) SetDeadline(time.Time) error      { return nil }
func (c *podConn) SetReadDeadline(time.Time) error  { return nil }
func (c *podConn) SetWriteDeadline(time.Time) error { return nil }
