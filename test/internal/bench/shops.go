package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// shops is the one server that stands for all of them: it tells them apart by the name that a visitor says.
type shops struct {
	address string

	mu sync.Mutex
	// silent ones end a visitor's connection without a word, hung ones let him wait.
	silent, hung map[store.ID]bool
}

// openShops serves until the row ends.
func (b *bench) openShops() *shops {
	b.Helper()
	listener, err := new(net.ListenConfig).Listen(b.ctx, "tcp", "127.0.0.1:0")
	b.must("listen for the shops", err)
	s := &shops{address: listener.Addr().String(), silent: map[store.ID]bool{}, hung: map[store.ID]bool{}}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	return s
}

// set says how a shop is from now on.
func (s *shops) set(silent, hung bool, ids ...store.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.silent[id], s.hung[id] = silent, hung
	}
}

func (s *shops) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	space, _, _ := strings.Cut(r.Host, ".")
	id := store.ID(strings.TrimPrefix(space, "store-"))
	s.mu.Lock()
	silent, hung := s.silent[id], s.hung[id]
	s.mu.Unlock()
	switch {
	case silent:
		panic(http.ErrAbortHandler)
	case hung:
		<-r.Context().Done()
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"ready":true}`)
	}
}

// visit asks a shop for a page.
func (s *shops) visit(ctx context.Context, id store.ID) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/", nil)
	if err != nil {
		return err
	}
	request.Host = id.Namespace() + ".localhost"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
