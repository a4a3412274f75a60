package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/test/internal/platform"
)

const (
	// writes is the pod, and container, whose log is read; firstLines are so many of its last.
	writes     = "writes"
	firstLines = 50
)

// writing numbers lines as fast as is said above. What doesn't keep up with itself catches up.
const writing = `n=0; while :; do for i in 1 2 3 4 5 6 7 8 9 10; do n=$((n+1)); echo "$n of what a shop writes of a request that it was asked"; done; usleep 10000; done`

// readingLogs holds what a store's containers write, by a gateway and a provisioner, against the API server's own word of it: the last lines of
// a pod, and how old a line is when it comes to who follows a thousand a second.
func readingLogs(b *bench) {
	in := b.installed()
	k := in.Kubernetes(b)
	id := in.first.ID
	k.AddPod(b, id, writes, map[string]any{"containers": []any{platform.ShellContainer(writes, writing)}})
	b.Cleanup(func() {
		_, err := k.Do(context.WithoutCancel(b.ctx), http.MethodDelete, "/api/v1/namespaces/"+id.Namespace()+"/pods/"+writes, nil, nil)
		if err != nil {
			b.Errorf("delete the pod: %w", err)
		}
	})
	ours := written{stampedJSON, func(ctx context.Context, wanted string) (io.ReadCloser, error) {
		return lines(ctx, in.API+"/stores/"+string(id)+"/logs?pod="+writes+"&"+wanted)
	}}
	bare := written{stampedText, func(ctx context.Context, wanted string) (io.ReadCloser, error) {
		return k.Stream(ctx, "/api/v1/namespaces/"+id.Namespace()+"/pods/"+writes+"/log?timestamps=true&"+wanted)
	}}
	for _, of := range []struct {
		w    written
		tail string
	}{{bare, "tailLines=50"}, {ours, "tail=50"}} {
		b.await("read the first lines", in.process, workPatience, func() error { _, err := of.w.first(b.ctx, of.tail); return err })
	}
	var by, without []time.Duration
	for range b.sizes.reads / 64 {
		one, err := ours.first(b.ctx, "tail=50")
		b.must("read logs", err)
		other, err := bare.first(b.ctx, "tailLines=50")
		b.must("read logs of the API server", err)
		by, without = append(by, one), append(without, other)
	}
	b.report(line{
		what: fmt.Sprintf("the last %d lines of a pod's log", firstLines), platform: millis(median(by)), bare: millis(median(without)),
		ratio: float64(median(by)) / float64(median(without)),
		how:   fmt.Sprintf("medians of %d requests by turns, to the last byte, while it is written to; against the API server's answer to the request that client-go makes", len(by)),
	}.atMost(1.3))
	b.followed(ours, bare)
}

// followed reads both at the same time, so that both are told the same lines.
func (b *bench) followed(ours, bare written) {
	b.Helper()
	var ages [2][]time.Duration
	var took [2]time.Duration
	var errs [2]error
	var reading sync.WaitGroup
	for i, of := range []written{ours, bare} {
		wanted := []string{"tail=1&follow=true", "tailLines=1&follow=true"}[i]
		reading.Go(func() { ages[i], took[i], errs[i] = of.follow(b.ctx, wanted, b.sizes.followed) })
	}
	reading.Wait()
	b.must("follow logs", errors.Join(errs[0], errs[1]))
	b.report(line{
		what: fmt.Sprintf("%d lines of 1,000/s, followed", b.sizes.followed), platform: seconds(took[0]), bare: seconds(took[1]), ratio: float64(took[0]) / float64(took[1]),
		how: "from the first to the last of them, none missing; both at the same time",
	}.atMost(1.3))
	by, without := median(ages[0]), median(ages[1])
	b.report(line{
		what: "how old such a line is when it comes", platform: millis(by), bare: millis(without), ratio: float64(by) / float64(without),
		how: fmt.Sprintf("medians, by the time that the container's runtime has put on them (p95: %s, %s)",
			millis(quantile(ages[0], 0.95)), millis(quantile(ages[1], 0.95))),
	}.atMost(1.3))
}

// written is a log, as somebody tells it.
type written struct {
	// stamped takes a line apart.
	stamped func(line []byte) (at time.Time, text []byte, err error)
	open    func(ctx context.Context, wanted string) (io.ReadCloser, error)
}

// first is how long so many last lines take.
func (w written) first(ctx context.Context, wanted string) (time.Duration, error) {
	began := time.Now()
	body, err := w.open(ctx, wanted)
	if err != nil {
		return 0, err
	}
	data, err := io.ReadAll(body)
	took := time.Since(began)
	if n := bytes.Count(data, []byte("\n")); err == nil && n != firstLines {
		err = fmt.Errorf("%d lines have come, want %d", n, firstLines)
	}
	return took, errors.Join(err, body.Close())
}

// follow is how old so many lines are when they come, which number themselves, and how long all of them take.
func (w written) follow(ctx context.Context, wanted string, count int) (ages []time.Duration, took time.Duration, err error) {
	body, err := w.open(ctx, wanted)
	if err != nil {
		return nil, 0, err
	}
	defer body.Close()
	var began time.Time
	next := 0
	for lines := bufio.NewScanner(body); len(ages) < count && lines.Scan(); {
		now := time.Now()
		at, text, err := w.stamped(lines.Bytes())
		if err != nil {
			return nil, 0, err
		}
		var n int
		if _, err := fmt.Sscan(string(text), &n); err != nil || next > 0 && n != next {
			return nil, 0, fmt.Errorf("line %d is %q: %w", next, text, err)
		}
		next = n + 1
		// What was there before is of any age.
		if len(ages) > 0 || now.Sub(at) < time.Second {
			ages = append(ages, now.Sub(at))
		}
		if len(ages) == 1 {
			began = now
		}
		took = now.Sub(began)
	}
	if len(ages) < count {
		return nil, 0, fmt.Errorf("%d lines have come of %d", len(ages), count)
	}
	return ages, took, nil
}

func stampedJSON(text []byte) (time.Time, []byte, error) {
	var line query.LogLine
	err := json.Unmarshal(text, &line)
	return line.At, []byte(line.Line), err
}

func stampedText(text []byte) (time.Time, []byte, error) {
	stamp, rest, _ := bytes.Cut(text, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	return at, rest, err
}

// lines opens an answer that comes line by line.
func lines(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("read logs: %s", answer.Status), answer.Body.Close())
	}
	return answer.Body, nil
}
