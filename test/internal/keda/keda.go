// Package keda asks a broker how much a worker has before it as KEDA's nats-jetstream scaler does, so that tests see what an
// autoscaler would. The scaler itself links the clients of every cloud. What it asks, and what it makes of the answers, is in
// pkg/scalers/nats_jetstream_scaler.go of github.com/kedacore/keda/v2 v2.21.0 (getNATSJetstreamMonitoringData and
// getMaxMsgLag). Two things of it aren't here: it remembers the leader's address, which spares it questions, and where brokers
// don't advertise themselves to clients, as ours do, it asks them by the names of their routes.
package keda

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Scaler is a trigger's metadata.
type Scaler struct {
	// Endpoint is natsServerMonitoringEndpoint, host:port of any broker of the cluster.
	Endpoint string
	// Stream and Consumer are those of a worker.
	Stream, Consumer string
	// Client asks, from where the scaler is meant to be; nil: from here.
	Client *http.Client
}

// account is where a broker has those users who were given none, as ours are.
const account = "$G"

// timeout bounds a question; it is KEDA's own default (KEDA_HTTP_DEFAULT_TIMEOUT).
const timeout = 3 * time.Second

// jetStream is as much of /jsz as is looked at.
type jetStream struct {
	Accounts []struct {
		Name    string   `json:"name"`
		Streams []stream `json:"stream_detail"`
	} `json:"account_details"`
	Meta struct {
		Brokers int `json:"cluster_size"`
	} `json:"meta_cluster"`
}

type stream struct {
	Name  string `json:"name"`
	State struct {
		Last int `json:"last_seq"`
	} `json:"state"`
	Consumers []consumer `json:"consumer_detail"`
}

type consumer struct {
	Name       string `json:"name"`
	Pending    int    `json:"num_pending"`
	AckPending int    `json:"num_ack_pending"`
	Cluster    struct {
		Leader string `json:"leader"`
	} `json:"cluster"`
}

// broker is as much of /varz as is looked at.
type broker struct {
	Name string `json:"server_name"`
	// Advertised are the addresses at which clients find the brokers of the cluster.
	Advertised []string `json:"connect_urls"`
}

// Lag is what the scaler takes for the consumer's: the messages that weren't delivered and those that aren't settled. Where
// there is no such consumer it is the sequence of the stream's last message, and where there is no stream an error (KEDA's 0).
// Of several brokers the one is believed that leads the consumer. That none does is an error, and so is a broker that is asked
// before that one and doesn't answer.
func (s Scaler) Lag(ctx context.Context) (int, error) {
	answer, err := s.ask(ctx, s.Endpoint)
	if err == nil && answer.Meta.Brokers > 1 {
		answer, err = s.askLeader(ctx)
	}
	if err != nil {
		return 0, err
	}
	from, one := s.find(answer)
	switch {
	case from == nil:
		return 0, fmt.Errorf("%s has no stream %s", s.Endpoint, s.Stream)
	case one == nil:
		return from.State.Last, nil
	}
	return one.Pending + one.AckPending, nil
}

// askLeader asks one broker after the other, at the same port, until one leads the consumer.
func (s Scaler) askLeader(ctx context.Context) (answer jetStream, err error) {
	var first broker
	if err := s.get(ctx, s.Endpoint, "/varz", &first); err != nil {
		return answer, err
	}
	_, port, err := net.SplitHostPort(s.Endpoint)
	if err != nil {
		return answer, fmt.Errorf("find the port at which brokers tell of themselves: %w", err)
	}
	for _, address := range first.Advertised {
		host, _, _ := strings.Cut(address, ":") // so of IPv6 nothing is left
		endpoint := net.JoinHostPort(host, port)
		var next broker
		if err := s.get(ctx, endpoint, "/varz", &next); err != nil {
			return answer, err
		}
		if answer, err = s.ask(ctx, endpoint); err != nil {
			return answer, err
		}
		if _, one := s.find(answer); one != nil && one.Cluster.Leader == next.Name {
			return answer, nil
		}
	}
	return answer, fmt.Errorf("none of %v leads consumer %s", first.Advertised, s.Consumer)
}

func (s Scaler) ask(ctx context.Context, endpoint string) (answer jetStream, err error) {
	question := url.Values{"acc": {account}, "consumers": {"true"}, "config": {"true"}}
	return answer, s.get(ctx, endpoint, "/jsz?"+question.Encode(), &answer)
}

// find answers the stream and the consumer, nil where there is none.
func (s Scaler) find(answer jetStream) (from *stream, one *consumer) {
	for _, a := range answer.Accounts {
		for i := range a.Streams {
			if a.Name == account && a.Streams[i].Name == s.Stream {
				from = &a.Streams[i]
			}
		}
	}
	if from == nil {
		return nil, nil
	}
	for i := range from.Consumers {
		if from.Consumers[i].Name == s.Consumer {
			one = &from.Consumers[i]
		}
	}
	return from, one
}

func (s Scaler) get(ctx context.Context, endpoint, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+endpoint+path, nil)
	if err != nil {
		return err
	}
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("read what %s says at %s: %w", endpoint, path, err)
	}
	return nil
}
