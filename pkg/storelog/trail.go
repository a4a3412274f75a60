package storelog

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

// headerTrail holds a message's trail.
const headerTrail = "ce-trail"

// trail names messages before one of a store's history, by their sequences: the nearest one by one, of those farther off the last of
// each sixty-four, farther still the last of sixty-four of these, and so on, as the digits of a number do. The finest level comes
// first, each rises, and zero stands for that there is nothing before. So whichever message somebody wants is two reads
// away among four thousand, and three among a quarter of a million, wherever in the log they are; the broker knows of no
// message but a subject's last one, and would have to look through whatever lies between.
type trail [][]uint64

// together is how many of a level make one of the next.
const together = 64

// behind is the trail of the message behind the one with a sequence, whose own is t.
func (t trail) behind(seq uint64) trail {
	next := slices.Clone(t)
	for level := range next {
		if len(next[level]) < together-1 {
			next[level] = append(slices.Clip(next[level]), seq)
			return next
		}
		next[level] = nil
	}
	return append(next, []uint64{seq})
}

// toward is which message to go on at, for the last one that isn't behind upto: that one itself where it is sure to be, else the
// first behind it of those that are named. The trail isn't empty.
func (t trail) toward(upto uint64) uint64 {
	next, finest := uint64(0), true
	for level, seqs := range t {
		i, _ := slices.BinarySearch(seqs, upto+1)
		if i < len(seqs) {
			next, finest = seqs[i], level == 0
		}
		// What lies between two that are named is known of the finest level alone.
		if i > 0 && finest {
			return seqs[i-1]
		}
		if i > 0 {
			break
		}
	}
	return next
}

// String is how many each level has, and then all of them, each as the distance from the one before it.
func (t trail) String() string {
	data := binary.AppendUvarint(nil, uint64(len(t)))
	for _, seqs := range t {
		data = binary.AppendUvarint(data, uint64(len(seqs)))
	}
	last := uint64(0)
	for _, seqs := range slices.Backward(t) {
		for _, seq := range seqs {
			data = binary.AppendUvarint(data, seq-last)
			last = seq
		}
	}
	return base64.RawStdEncoding.EncodeToString(data)
}

// levels is how many a trail has at most, however long a history.
const levels = 11

// parseTrail reads what String wrote, and makes nothing sensible of what something else did.
func parseTrail(text string) trail {
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	number := func() uint64 {
		n, size := binary.Uvarint(data)
		data = data[max(size, 0):]
		return n
	}
	t := make(trail, min(number(), levels))
	for level := range t {
		t[level] = make([]uint64, min(number(), together-1))
	}
	last := uint64(0)
	for _, seqs := range slices.Backward(t) {
		for i := range seqs {
			last += number()
			seqs[i] = last
		}
	}
	return t
}

// fenceOf is which message of the store the broker was told to expect as the last one when a message was written, zero for none. Whoever wrote one
// without isn't the platform.
func fenceOf(id store.ID, raw Raw) (seq uint64, said bool) {
	seq, err := strconv.ParseUint(first(raw.Header, jetstream.ExpectedLastSubjSeqHeader), 10, 64)
	return seq, err == nil && seq < raw.Seq && first(raw.Header, jetstream.ExpectedLastSubjSeqSubjHeader) == historyOf(id)
}

// trailOf is a message's trail. That of a message which a release before trails wrote names the one before it and no other. It is nil where the
// platform didn't write the message.
func trailOf(id store.ID, raw Raw) trail {
	before, said := fenceOf(id, raw)
	if !said {
		return nil
	}
	if t := parseTrail(first(raw.Header, headerTrail)); len(t) > 0 && t.toward(raw.Seq) == before {
		return t
	}
	return trail{{before}}
}

// seen is what a Log has met of its log. It is safe for concurrent use.
type seen struct {
	mu sync.Mutex
	// head is the last sequence of which is known that the log holds it.
	head uint64
	// lasts are messages that were read or written as the last ones of their stores, without their data, so that who has read a
	// store and appends to it needn't read for a trail to go on with.
	lasts map[store.ID]Raw
}

// remembered is of how many stores.
const remembered = 4096

func (s *seen) last(id store.ID, last Raw) {
	last.Data = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = max(s.head, last.Seq)
	if _, known := s.lasts[id]; !known && len(s.lasts) == remembered {
		for any := range s.lasts {
			delete(s.lasts, any)
			break
		}
	}
	s.lasts[id] = last
}

func (s *seen) lastOf(id store.ID) Raw {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lasts[id]
}

// upto tells of a sequence that the log holds it, and answers the last of which that is known.
func (s *seen) upto(seq uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = max(s.head, seq)
	return s.head
}

// trailBehind is the trail of a message that is to be appended behind the one with a sequence. Where that isn't remembered it is read. No append waits
// long for it, nor fails for want of it: who goes back does so by the fence then.
func (l *Log) trailBehind(ctx context.Context, id store.ID, seq uint64) trail {
	if seq == 0 {
		return trail{{0}}
	}
	last := l.seen.lastOf(id)
	if last.Seq != seq {
		last = Raw{}
		_ = within(ctx, firstWait, func(ctx context.Context) (err error) {
			last, err = l.message(ctx, id, seq)
			return err
		})
	}
	return trailOf(id, last).behind(seq)
}
