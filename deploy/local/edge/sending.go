package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// bodyPause is how long a client may pause within a body. Shops have shorter ones of their own.
	bodyPause = 30 * time.Second
	// bodyRest is how long one may go on sending to a shop that has answered already.
	bodyRest = time.Second
)

// sending is the body of a request whose client is still sending it. A shop that has heard enough answers before the end of
// it, and neither that answer nor the connection may wait for a client that never gets there.
type sending struct {
	io.ReadCloser
	control *http.ResponseController
	pause   time.Duration

	// reading is held by a read of the connection, of which there may be one beside the answer.
	reading sync.Mutex
	// mu guards what follows, and with it the connection's deadline.
	mu                    sync.Mutex
	ended, late, finished bool
}

// newSending makes it of the server's own w and r.
func newSending(w http.ResponseWriter, r *http.Request, pause time.Duration) *sending {
	return &sending{
		ReadCloser: r.Body, control: http.NewResponseController(w), pause: pause,
		ended: r.ContentLength == 0,
	}
}

// Read fails with os.ErrDeadlineExceeded when the client pauses for too long.
func (s *sending) Read(p []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if err := s.await(time.Now().Add(s.pause)); err != nil {
		return 0, err
	}
	n, err := s.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		s.note(&s.ended)
		// From here on the server waits for the client's leaving, for as long as the answer takes.
		if err := s.await(time.Time{}); err != nil {
			return n, err
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.note(&s.late)
	}
	return n, err
}

// await has reads of the connection end at the deadline, unless the request is finished.
func (s *sending) await(deadline time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		return http.ErrBodyReadAfterClose
	}
	return s.control.SetReadDeadline(deadline)
}

func (s *sending) note(what *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what = true
}

// paused says whether the client was cut off. With a read that fails the server ends the request's context, too, and whoever
// hears of that first has to wait for the read.
func (s *sending) paused(ctx context.Context) bool {
	if ctx.Err() != nil {
		s.reading.Lock()
		defer s.reading.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.late
}

// answer marks an answer that came before the end of the body: what the client still sends isn't its next request.
func (s *sending) answer(response *http.Response) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	response.Header.Set("Connection", "close")
	// Without this the server would read on before it writes the answer's first line.
	return s.control.EnableFullDuplex()
}

// finish is called once the answer is written. The server reads what is left of the body, and not for ever. A read that the
// proxy has left behind ends first: the server would end it, and take the deadline away with it.
func (s *sending) finish() error {
	whole, err := s.abandon()
	if whole || err != nil {
		return err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	return s.control.SetReadDeadline(time.Now().Add(bodyRest))
}

// abandon lets nobody read any more, and says whether the body is whole.
func (s *sending) abandon() (whole bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	if s.ended {
		return true, nil
	}
	return false, s.control.SetReadDeadline(time.Now())
}
