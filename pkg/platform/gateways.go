package platform

import (
	"fmt"

	"github.com/nats-io/nats.go"
)

const gateways = "platform.gateways"

// GatewaysSubject is where each gateway says that it lives and hears of the others. Nothing keeps what is said there.
func GatewaysSubject() string { return gateways }

// SayGateway says that a gateway lives, by an id that it has made up at its start.
func SayGateway(nc *nats.Conn, id string) error {
	if err := nc.Publish(gateways, []byte(id)); err != nil {
		return fmt.Errorf("say that gateway %s lives: %w", id, err)
	}
	return nil
}

// HearGateways hears of gateways that live, also of the one that hears.
func HearGateways(nc *nats.Conn, heard func(id string)) (*nats.Subscription, error) {
	subscription, err := nc.Subscribe(gateways, func(m *nats.Msg) { heard(string(m.Data)) })
	if err != nil {
		return nil, fmt.Errorf("listen for gateways: %w", err)
	}
	return subscription, nil
}
