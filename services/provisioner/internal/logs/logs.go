// Package logs reads what stores' containers write, for who asks over the bus. Frames are pulled one by one: a session reads
// ahead by one frame and no further, so that where nobody asks nobody reads, and what is written waits at the kubelet. A
// session that is asked for nothing for a while ends, and whoever comes then is sent to begin another where it was.
//
// Which containers there are is known from the watches; the API server is asked for their logs alone.
package logs

import (
	"context"
	"crypto/rand"
	"io"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
)

const (
	// atOnce is how many sessions a provisioner has, so that their questions, which wait, take less than half of those that
	// it answers at once; perTenant how many of them one tenant has.
	atOnce    = 100
	perTenant = 32
	// connections are how many containers all sessions read at once, each by a connection to the API server, which has one to a
	// kubelet for it; tenantsConnections how many of them are one tenant's. Were they as many as sessions may have, there would be thousands.
	connections        = 512
	tenantsConnections = 256
	// idle ends a session that nobody asks.
	idle = 15 * time.Second
	// firstWithin is how long the first frame waits for what has been written so far, the others for something to be written.
	firstWithin = 2 * time.Second
	readWithin  = 3 * time.Second
	// gather lies between two frames of what is written just now: a question for every line would cost more than the lines.
	gather = 20 * time.Millisecond
	// watchesWithin is how long a provisioner that has just begun may take to hear of all pods.
	watchesWithin = 3 * time.Second
)

// Cluster is what is asked of it (cluster.Cluster).
type Cluster interface {
	Containers(store.ID) (found []cluster.Container, known bool)
	Changes(store.ID) (<-chan struct{}, func())
	ReadLog(ctx context.Context, id store.ID, pod, container string, which cluster.Reading) (io.ReadCloser, error)
}

// Sessions are a provisioner's. Make them with New.
type Sessions struct {
	cluster Cluster
	name    string
	// idle ends a session that nobody asks.
	idle time.Duration
	// sessions counts those too who are about to have one.
	sessions, connections *shared

	mu     sync.Mutex
	open   map[string]*session
	closed bool
	// running are those whose streams haven't all ended.
	running sync.WaitGroup
}

// New makes none, on an installation's clock.
func New(c Cluster, by clock.Divisor) *Sessions {
	return &Sessions{
		cluster: c, name: rand.Text(), idle: by.Of(idle), open: map[string]*session{},
		sessions: &shared{all: atOnce, perTenant: perTenant}, connections: &shared{all: connections, perTenant: tenantsConnections},
	}
}

// Name is by which this provisioner is asked (query.LogsRead), and no other.
func (s *Sessions) Name() string { return s.name }

var (
	errUnknown = &question.Refusal{Code: question.Unavailable, Message: "There is no such session here, or it has ended."}
	errEnding  = &question.Refusal{Code: question.Unavailable, Message: "Whoever was asked is about to end."}
	errFull    = &question.Refusal{Code: question.Full, Message: "As many logs are being read here as may be at once."}
	errTenant  = &question.Refusal{Code: question.TooMany, Message: "As many logs of the tenant are being read as may be at once."}
	errWatches = &question.Refusal{Code: question.Unavailable, Message: "It isn't known yet what runs in the cluster."}
)

// Open begins a session for a tenant's store, and answers its first frame.
func (s *Sessions) Open(ctx context.Context, tenant string, asked query.LogsRequest) (reply query.LogsReply, err error) {
	// Who waits for the watches to have heard of everything takes a place, too.
	if err := s.sessions.take(tenant, 1); err != nil {
		return reply, err
	}
	one, reply, err := s.begin(ctx, tenant, asked)
	if one == nil {
		s.sessions.give(tenant, 1)
		return reply, err
	}
	reply.Provisioner, reply.Session = s.name, one.name
	reply.Frame, err = s.turn(one, func() (query.LogsFrame, bool) { return one.pages.first(ctx, firstWithin) })
	return reply, err
}

// Read answers a session's next frame.
func (s *Sessions) Read(ctx context.Context, asked query.LogsReadRequest) (query.LogsFrame, error) {
	s.mu.Lock()
	one := s.open[asked.Session]
	// Who asks twice at once has lost an answer, and begins anew.
	taken := one == nil || one.reading
	if !taken {
		one.reading = true
		one.idle.Stop()
	}
	s.mu.Unlock()
	if taken {
		return query.LogsFrame{}, errUnknown
	}
	return s.turn(one, func() (query.LogsFrame, bool) { return one.pages.next(ctx, readWithin) })
}

// turn takes a frame of a session, which then waits for the next question or, told to its end, is over.
func (s *Sessions) turn(one *session, take func() (frame query.LogsFrame, done bool)) (query.LogsFrame, error) {
	frame, done := take()
	if one.ctx.Err() != nil {
		s.end(one)
		// It ended before its end, so this isn't its last frame.
		return query.LogsFrame{}, errUnknown
	}
	if done {
		s.end(one)
		return frame, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.reading = false
	one.idle.Reset(s.idle)
	return frame, nil
}

// Close ends all sessions, and waits for their streams to end.
func (s *Sessions) Close() {
	s.mu.Lock()
	s.closed = true
	for _, one := range s.open {
		one.stop()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// containers are a store's, once they are known.
func (s *Sessions) containers(ctx context.Context, id store.ID) ([]cluster.Container, error) {
	ctx, cancel := context.WithTimeout(ctx, watchesWithin)
	defer cancel()
	// Nobody tells when a watch has heard of everything.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if there, known := s.cluster.Containers(id); known {
			return there, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errWatches
		}
	}
}

// begin is a session that runs, or none and what is answered instead.
func (s *Sessions) begin(ctx context.Context, tenant string, asked query.LogsRequest) (one *session, reply query.LogsReply, err error) {
	there, err := s.containers(ctx, asked.Store)
	if err != nil {
		return nil, reply, err
	}
	// Who goes on may be told of pods that have gone meanwhile.
	if asked.Began.IsZero() {
		if reply.Unknown, reply.Known = unknown(asked, there); reply.Unknown != "" {
			return nil, reply, nil
		}
	}
	one = newSession(s.cluster, tenant, asked, s.connections)
	if err := one.connect(len(one.first)); err != nil {
		return nil, reply, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		one.disconnect(0)
		return nil, reply, errEnding
	}
	one.reading = true
	one.idle = time.AfterFunc(s.idle, func() { s.end(one) })
	one.idle.Stop()
	s.open[one.name] = one
	s.running.Go(one.run)
	return one, reply, nil
}

func (s *Sessions) end(one *session) {
	one.stop()
	s.mu.Lock()
	ended := s.open[one.name] == one
	if ended {
		one.idle.Stop()
		delete(s.open, one.name)
	}
	s.mu.Unlock()
	if ended {
		s.sessions.give(one.tenant, 1)
	}
}
