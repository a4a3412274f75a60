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
