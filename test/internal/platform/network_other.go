//go:build !linux

package platform

import (
	"context"
	"errors"
	"net"
)

// DialIn is Linux's.
func DialIn(context.Context, int, string, string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

// ListenIn is Linux's.
func ListenIn(context.Context, int, string, string) (net.Listener, error) {
	return nil, errors.ErrUnsupported
}
