package up

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports that this program chooses lie below those that Linux and macOS give to outgoing
// connections, so that none of these takes one while its service is being restarted.
const (
	firstPort = 20000
	lastPort  = 32767
)

// freeAddress finds an address on host that nobody listens on.
func freeAddress(host string) (string, error) {
	for range 200 {
		address := net.JoinHostPort(host, strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort)))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		return address, listener.Close()
	}
	return "", fmt.Errorf("find a free port on %s between %d and %d", host, firstPort, lastPort)
}

// settled replaces port 0 by one that is free.
func settled(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("read an address: %w", err)
	}
	if port != "0" {
		return address, nil
	}
	return freeAddress(host)
}
