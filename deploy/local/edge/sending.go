package edge

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
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
	ended   atomic.Bool
}

// newSending makes it of the server's own w and r.
func newSending(w http.ResponseWriter, r *http.Request, pause time.Duration) *sending {
	s := &sending{ReadCloser: r.Body, control: http.NewResponseController(w), pause: pause}
	s.ended.Store(r.ContentLength == 0)
	return s
}

// Read fails with os.ErrDeadlineExceeded when the client pauses for too long.
func (s *sending) Read(p []byte) (int, error) {
	if err := s.control.SetReadDeadline(time.Now().Add(s.pause)); err != nil {
		return 0, err
	}
	n, err := s.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		s.ended.Store(true)
		// From here on the server waits for the client's leaving, for as long as the answer takes.
		if err := s.control.SetReadDeadline(time.Time{}); err != nil {
			return n, err
		}
	}
	return n, err
}

// answer marks an answer that came before the end of the body: what the client still sends isn't its next request.
func (s *sending) answer(response *http.Response) error {
	if s.ended.Load() {
		return nil
	}
	response.Header.Set("Connection", "close")
	// Without this the server would read on before it writes the answer's first line.
	return s.control.EnableFullDuplex()
}

// finish is called once the answer is written. The server reads what is left of the body, and not for ever.
func (s *sending) finish() error {
	if s.ended.Load() {
		return nil
	}
	return s.control.SetReadDeadline(time.Now().Add(bodyRest))
}
