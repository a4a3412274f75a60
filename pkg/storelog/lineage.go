package storelog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Lineage is a log's epoch, and what it has of the logs that it was restored from. A restored log gives sequences again that
// the one before had given, so that a sequence that somebody kept elsewhere says nothing without the epoch that it is of.
type Lineage struct {
	Epoch string

	// ancestors are the logs before, oldest first.
	ancestors []ancestor
}

// ancestor is an earlier log, with the newest of its messages that came back.
type ancestor struct {
	epoch string
	last  uint64
}

// Lineage asks the broker: a process that runs on while a log is restored holds the epoch of the one before.
func (l *Log) Lineage(ctx context.Context) (Lineage, error) {
	info, err := l.info(ctx)
	if err != nil {
		return Lineage{}, fmt.Errorf("ask which log it is: %w", err)
	}
	return lineageOf(info), nil
}

// Knows says whether the message that had this sequence in the log of that epoch is in this log, too.
func (l Lineage) Knows(epoch string, seq uint64) bool {
	if epoch == l.Epoch {
		return true
	}
	known := false
	for _, a := range l.ancestors {
		known = known || a.epoch == epoch
		if known && seq > a.last {
			return false
		}
	}
	return known
}

// Lacks says whether a command that has worked on a store is one that this log doesn't know, whose newest command of the
// store is generation: somebody knew more of it than this log. Zero is no command.
func (l Lineage) Lacks(epoch string, command, generation uint64) bool {
	return command != 0 && (command > generation || !l.Knows(epoch, command))
}

func lineageOf(info *jetstream.StreamInfo) Lineage {
	l := Lineage{Epoch: epochOf(info)}
	for entry := range strings.SplitSeq(info.Config.Metadata[metaAncestors], ",") {
		epoch, last, _ := strings.Cut(entry, ":")
		seq, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			continue
		}
		l.ancestors = append(l.ancestors, ancestor{epoch, seq})
	}
	return l
}

// withAncestor adds the log that a backup was taken of, if that named its epoch.
func withAncestor(metadata map[string]string, last uint64) string {
	before, epoch := metadata[metaAncestors], metadata[metaEpoch]
	if epoch == "" {
		return before
	}
	entry := epoch + ":" + strconv.FormatUint(last, 10)
	if before == "" {
		return entry
	}
	return before + "," + entry
}
