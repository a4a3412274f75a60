package hostile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/valyala/fasthttp"
)

const (
	// mostMemory is what the gateway may have used at its peak, in bytes.
	mostMemory = 128 << 20
	// unpacked is what a packed body holds, tooLarge what is sent of what has no end; in bytes.
	unpacked = 24 << 20
	tooLarge = 32 << 20
	// rounds is how often each honest client asks meanwhile, and clients how many there are.
	rounds, clients = 20, 4
)

// attack is one hostile request. It goes on until it is answered for good or ctx ends; an error is an answer that is
// wrong, not the end of the connection.
type attack func(ctx context.Context, conn net.Conn) error

func TestHostileRequestsCostLittleMemoryAndHonestClientsAreAnswered(t *testing.T) {
	attacks := arsenal()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begin, failures := make(chan struct{}), make(chan error, len(attacks)+clients)
	var finite, endless sync.WaitGroup
	under := func(group *sync.WaitGroup, a attack) {
		conn, err := open.dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		group.Go(func() {
			defer stop()
			defer conn.Close()
			<-begin
			if err := a(ctx, conn); err != nil {
				failures <- err
			}
		})
	}
	for _, a := range attacks {
		if a.endless {
			under(&endless, a.attack)
		} else {
			under(&finite, a.attack)
		}
	}
	var answered atomic.Int64
	for range clients {
		finite.Go(func() {
			<-begin
			if err := beHonest(ctx, &answered); err != nil {
				failures <- err
			}
		})
	}
	close(begin)
	finite.Wait()
	cancel()
	endless.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	peak := peakOf(t, open.PID)
	t.Logf("%d hostile requests, %d honest ones answered, peak %d MB", len(attacks), answered.Load(), peak>>20)
	if peak > mostMemory {
		t.Errorf("the gateway took %d MB, more than %d", peak>>20, mostMemory>>20)
	}
}

type armed struct {
	attack
	endless bool
}

// arsenal is fifty requests, some of each kind.
func arsenal() []armed {
	var all []armed
	take := func(n int, endless bool, attacks ...attack) {
		for _, a := range attacks {
			for range n {
				all = append(all, armed{a, endless})
			}
		}
	}
	zeros := make([]byte, unpacked)
	for encoding, pack := range map[string]func([]byte) []byte{
		"gzip": func(b []byte) []byte { return fasthttp.AppendGzipBytesLevel(nil, b, fasthttp.CompressBestSpeed) },
		"deflate": func(b []byte) []byte {
			return fasthttp.AppendDeflateBytesLevel(nil, b, fasthttp.CompressBestSpeed)
		},
		"br": func(b []byte) []byte {
			return fasthttp.AppendBrotliBytesLevel(nil, b, fasthttp.CompressBrotliBestSpeed)
		},
		"zstd": func(b []byte) []byte { return fasthttp.AppendZstdBytesLevel(nil, b, fasthttp.CompressZstdBestSpeed) },
	} {
		once := pack(zeros)
		take(3, false, packed(encoding, once), packed(encoding+", "+encoding, pack(once)))
	}
	chunked := post + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	kilobyte, piece := strings.Repeat("x", 1<<10), strings.Repeat("x", 32<<10)
	take(3, true,
		onAndOn(chunked, "8000\r\n"+piece+"\r\n"), onAndOn(chunked+"7fffffff\r\n", piece),
		onAndOn(chunked+"1;", piece), onAndOn(chunked+"0\r\nX-Trailer: ", piece),
		halfSent(post+"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"+kilobyte), halfSent(post+"X-Half: "))
	take(4, false,
		refused(http.StatusRequestHeaderFieldsTooLarge, post+"X-Large: "+strings.Repeat("x", tooLarge)+"\r\n\r\n"),
		refused(http.StatusRequestHeaderFieldsTooLarge, post+strings.Repeat("X-Many: "+kilobyte+"\r\n", tooLarge>>10)+"\r\n"))
	return all
}

const post = "POST /stores HTTP/1.1\r\nHost: localhost\r\n"

// packed is a small body that is large when it is unpacked.
func packed(encoding string, body []byte) attack {
	head := fmt.Sprintf(post+"Content-Type: application/json\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n", encoding, len(body))
	return refused(http.StatusUnsupportedMediaType, head+string(body))
}

// refused is sent whole and has this answer.
func refused(status int, whole string) attack {
	return func(ctx context.Context, conn net.Conn) error {
		// Whether all could be sent doesn't matter if there is an answer.
		_, sending := io.Copy(conn, strings.NewReader(whole))
		a, err := read(conn, http.MethodPost)
		if err != nil {
			return fmt.Errorf("%.120q: %w", whole, errors.Join(err, sending))
		}
		if a.status != status {
			return fmt.Errorf("%.120q is answered %v, want %d", whole, a, status)
		}
		return nil
	}
}

// onAndOn never ends its request.
func onAndOn(head, more string) attack {
	return func(ctx context.Context, conn net.Conn) error {
		_, err := io.WriteString(conn, head)
		for sent := 0; err == nil && sent < tooLarge; sent += len(more) {
			_, err = io.WriteString(conn, more)
		}
		<-ctx.Done()
		return nil
	}
}

// halfSent sends nothing more and waits.
func halfSent(half string) attack {
	return func(ctx context.Context, conn net.Conn) error {
		_, _ = io.WriteString(conn, half)
		<-ctx.Done()
		return nil
	}
}

// beHonest asks as clients do.
func beHonest(ctx context.Context, answered *atomic.Int64) error {
	for range rounds {
		for want, r := range map[int]request{
			http.StatusOK:       {method: http.MethodGet, target: "/engines", header: []string{"Connection: close"}},
			http.StatusAccepted: {method: http.MethodPost, target: "/stores", header: []string{"Connection: close"}, body: []byte(`{"engine":"sample"}`)},
		} {
			a, err := open.send(ctx, r)
			// As it is told to; the bound is ctx's.
			for err == nil && a.status == http.StatusServiceUnavailable {
				a, err = open.send(ctx, r)
			}
			if err != nil {
				return fmt.Errorf("an honest client: %w", err)
			}
			if a.status != want {
				return fmt.Errorf("an honest client is answered %v, want %d", a, want)
			}
			answered.Add(1)
		}
	}
	return nil
}

// peakOf is the most memory that the process ever had at once, in bytes.
func peakOf(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if words := strings.Fields(string(line)); len(words) == 3 && words[0] == "VmHWM:" {
			kilobytes, err := strconv.Atoi(words[1])
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatalf("no VmHWM in %s", status)
	return 0
}
