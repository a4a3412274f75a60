package cluster_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/shops"
)

const (
	// slowClients of a kind and halfSent uploads are few: whoever can be stopped by them is stopped by one person.
	slowClients = 6
	halfSent    = 8
	// dripEvery is how often a slow client sends a byte: more rarely than a shop waits, often enough for the door.
	dripEvery = 6 * time.Second
	// comeBack is when one that was cut off is there again.
	comeBack = time.Second
	// cutOff bounds how long a client is let wait that sends nothing to speak of.
	cutOff = 2 * time.Minute
	// visits are made at least, one after the other; uploadSize is what a plan's volume can't hold eight times.
	visits     = 5
	visitEvery = 500 * time.Millisecond
	uploadSize = 34 << 20
	// askEvery is how often each of askers asks what the platform asks, by a method that the platform doesn't.
	askEvery = 100 * time.Millisecond
	askers   = 3
)

// opening is what a slow client begins with, and never gets to the end of.
type opening struct{ name, text string }

func (c *conformance) openings() []opening {
	var all []opening
	host := strings.Trim(strings.TrimPrefix(c.at.URL, "http:"), "/")
	entrances := shops.EntrancesOf(c.pack.Name)
	paths := entrances.Forms
	if entrances.Files != "" {
		paths = append(slices.Clone(paths), entrances.Files)
	}
	for _, path := range paths {
		// What a form takes, and what the shop would have to keep somewhere.
		for _, length := range []int{50_000, 1_000_000} {
			all = append(all, opening{fmt.Sprintf("%d bytes to %s", length, path), fmt.Sprintf(
				"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\na", path, host, length)})
		}
	}
	return append(all, opening{"a header", fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nX-Slow: a", host)})
}

// crowd are people who want nothing but the shop's time. Each is cut off once before they go.
type crowd struct {
	*conformance
	running sync.WaitGroup
	// once is one count for each stranger that hasn't been cut off yet.
	once sync.WaitGroup
}

// servesAmongStrangers: clients who send hardly anything, and who stop before the end of what is large, are cut off; whoever
// wants to buy meanwhile is served, and nothing of the store ends.
func (c *conformance) servesAmongStrangers() {
	waittest.Eventually(c.T, c.visit)
	before, degraded := c.lives(), c.degraded()
	ctx, leave := context.WithCancel(c.Context())
	strangers := &crowd{conformance: c}
	for _, o := range c.openings() {
		for range slowClients {
			strangers.come(func(done func()) { strangers.drip(ctx, o, done) })
		}
	}
	for _, method := range []string{http.MethodHead, http.MethodPost} {
		for range askers {
			strangers.come(func(done func()) { strangers.ask(ctx, method, done) })
		}
	}
	entrances := shops.EntrancesOf(c.pack.Name)
	strangers.sendHalves(ctx, entrances.Forms[0], http.Header{})
	if entrances.Files != "" {
		merchant, err := c.at.SignIn(ctx, c.admin())
		if err != nil {
			c.Fatalf("sign in: %v", err)
		}
		strangers.sendHalves(ctx, entrances.Files, http.Header{})
		strangers.sendHalves(ctx, entrances.Files, merchant)
	}
	c.visitWhile(strangers)
	leave()
	strangers.running.Wait()
	c.expectLives(before)
	if after := c.degraded(); after > degraded {
		c.Errorf("the store was Degraded %d times meanwhile", after-degraded)
	}
	if now := c.Get(c.T, c.at.ID); now.Status != c.at.Status {
		c.Errorf("the store is %s", now.Status)
	}
}

// come lets a stranger in. It calls done when it was cut off the first time.
func (s *crowd) come(stranger func(done func())) {
	s.once.Add(1)
	s.running.Go(func() { stranger(sync.OnceFunc(s.once.Done)) })
}

// visitWhile visits the shop until every stranger has been cut off once, and a few times at least. Each visit is answered.
func (c *conformance) visitWhile(strangers *crowd) {
	c.Helper()
	gone := make(chan struct{})
	go func() { strangers.once.Wait(); close(gone) }()
	// A customer is there all the time; more than one would only make the shop busy.
	tick := time.NewTicker(visitEvery)
	defer tick.Stop()
	for visit := 1; ; visit++ {
		if err := c.visit(); err != nil {
			c.Errorf("visit %d: %v", visit, err)
			return
		}
		<-tick.C
		if visit < visits {
			continue
		}
		select {
		case <-gone:
			return
		default:
		}
	}
}

func (c *conformance) visit() error {
	status, _, _, err := c.at.Look(c.Context(), "/")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the front page answers %d", status)
	}
	if err == nil && c.at.Status == store.Ready {
		err = c.at.Probe(c.Context(), c.pack.Probe)
	}
	if err == nil && c.at.Status == store.Ready && c.pack.Check != nil {
		status, _, body, lookErr := c.at.Look(c.Context(), c.pack.Check.Path)
		err = cmp.Or(lookErr, c.pack.Check.Judge(status, body))
	}
	return err
}

// ask is done with the first answer, whatever it is, and goes on until ctx has ended.
func (s *crowd) ask(ctx context.Context, method string, done func()) {
	defer done()
	if s.pack.Check == nil {
		return
	}
	client := http.Client{Transport: s.at.Door(), Timeout: waittest.Patience()}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, method, s.at.URL+s.pack.Check.Path, nil)
		if err != nil {
			s.Errorf("%s to the check: %v", method, err)
			return
		}
		response, err := client.Do(request)
		switch {
		case err != nil && ctx.Err() == nil:
			s.Errorf("%s to the check: %v", method, err)
			return
		case err == nil:
			_ = response.Body.Close()
		}
		done()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// drip comes back as often as it is cut off.
func (s *crowd) drip(ctx context.Context, o opening, done func()) {
	defer done()
	for ctx.Err() == nil {
		if err := s.dripOnce(ctx, o.text); err != nil {
			s.Errorf("a slow client with %s: %v", o.name, err)
			return
		}
		done()
		select {
		case <-time.After(comeBack):
		case <-ctx.Done():
		}
	}
}

// dripOnce returns when the shop has answered or closed, or ctx has ended.
func (s *crowd) dripOnce(ctx context.Context, text string) error {
	connection, err := s.connect(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // it was to end while it came back
	case err != nil:
		return err
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, text); err != nil {
		return nil // refused at once
	}
	heard := make(chan error, 1)
	go func() { heard <- hear(connection) }()
	tick := time.NewTicker(dripEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-heard:
			return err
		case <-tick.C:
			// What becomes of it is heard.
			_, _ = io.WriteString(connection, "a")
		}
	}
}

func (s *crowd) sendHalves(ctx context.Context, path string, header http.Header) {
	for range halfSent {
		s.come(func(done func()) { s.upload(ctx, path, header, done) })
	}
}

// upload sends all of a large body but its last byte.
func (s *crowd) upload(ctx context.Context, path string, header http.Header, done func()) {
	defer done()
	connection, err := s.connect(ctx)
	if err != nil {
		s.Errorf("upload to %s: %v", path, err)
		return
	}
	defer connection.Close()
	begin := "--half\r\nContent-Disposition: form-data; name=\"files\"; filename=\"half.png\"\r\nContent-Type: image/png\r\n\r\n"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.at.URL+path, io.MultiReader(
		strings.NewReader(begin), io.LimitReader(zeros{}, int64(uploadSize-len(begin)-1))))
	if err != nil {
		s.Errorf("upload to %s: %v", path, err)
		return
	}
	request.Header = header.Clone()
	request.ContentLength = uploadSize
	request.Header.Set("Content-Type", "multipart/form-data; boundary=half")
	go func() {
		// It ends with an error in any case: the body is shorter than it says.
		_ = request.Write(connection)
	}()
	if err := hear(connection); err != nil && ctx.Err() == nil {
		s.Errorf("a half-sent upload to %s: %v", path, err)
	}
}

func (s *crowd) connect(ctx context.Context) (net.Conn, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Stores)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = connection.Close() })
	return connection, connection.SetReadDeadline(time.Now().Add(cutOff))
}

// hear waits for an answer or the end of the connection, whichever way it comes.
func hear(connection net.Conn) error {
	_, err := connection.Read(make([]byte, 1))
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("it is still waited for after %s", cutOff)
	}
	return nil
}

// zeros are a file without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// degraded counts how often the store was.
func (c *conformance) degraded() (times int) {
	c.Helper()
	events, err := c.History(c.Context(), c.at.ID)
	if err != nil {
		c.Fatalf("read the history: %v", err)
	}
	for _, e := range events {
		if e.Type == store.BecameDegraded {
			times++
		}
	}
	return times
}

// livePod is what a pod says of its containers' lives.
type livePod struct {
	Metadata struct {
		UID    string `json:"uid"`
		Name   string `json:"name"`
		Owners []struct {
			Kind string `json:"kind"`
		} `json:"ownerReferences"`
	} `json:"metadata"`
	Status struct {
		Phase      string `json:"phase"`
		Reason     string `json:"reason"`
		Containers []struct {
			Name     string `json:"name"`
			Restarts int    `json:"restartCount"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

// lives are the restarts of each container that runs, by pod and name. A job's pods come and go.
func (c *conformance) lives() map[string]int {
	c.Helper()
	var list struct {
		Items []livePod `json:"items"`
	}
	path := "/api/v1/namespaces/" + c.at.ID.Namespace() + "/pods"
	if status, err := c.kubernetes.Do(c.Context(), http.MethodGet, path, nil, &list); err != nil || status != http.StatusOK {
		c.Fatalf("list the pods: %d %v", status, err)
	}
	lives := map[string]int{}
	for _, pod := range list.Items {
		if pod.Status.Reason != "" {
			c.Errorf("pod %s is %s: %s", pod.Metadata.Name, pod.Status.Phase, pod.Status.Reason)
		}
		if len(pod.Metadata.Owners) > 0 && pod.Metadata.Owners[0].Kind == "Job" {
			continue
		}
		for _, container := range pod.Status.Containers {
			lives[pod.Metadata.UID+" "+container.Name] = container.Restarts
		}
	}
	return lives
}

func (c *conformance) expectLives(before map[string]int) {
	c.Helper()
	after := c.lives()
	for name, restarts := range before {
		if now, there := after[name]; !there || now != restarts {
			c.Errorf("container %s had %d restarts, and has %d (there: %v)", name, restarts, now, there)
		}
	}
}
