package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// people are what there is beside the log of an installation with accounts.
type people struct {
	buckets []string
	// erased are the ids of accounts that are to be in no backup that is restored.
	erased []string
}

// peopleOf is empty of an installation without accounts. Sessions, invites and links aren't among it: who was restored signs in
// again.
func peopleOf(ctx context.Context, nc *nats.Conn) (people, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return people{}, fmt.Errorf("open JetStream: %w", err)
	}
	var found people
	for _, bucket := range storelog.BucketsOfPeople {
		_, err := js.Stream(ctx, storelog.StreamOf(bucket))
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return people{}, nil
		}
		if err != nil {
			return people{}, fmt.Errorf("look for the bucket %s: %w", bucket, err)
		}
		found.buckets = append(found.buckets, bucket)
	}
	keys, err := storelog.Keys(ctx, js, storelog.BucketAccounts, storelog.KeyErased+".*")
	if err != nil {
		return people{}, fmt.Errorf("ask who was erased: %w", err)
	}
	for _, key := range keys {
		found.erased = append(found.erased, strings.TrimPrefix(key, storelog.KeyErased+"."))
	}
	return found, nil
}

// erasedName is the list of them: a backup that was taken before is restored with what was said in it since.
func (s shelf) erasedName() string { return s.begin() + "erased" }

// erased reads it: ids, which say nothing of anybody.
func (s shelf) erased(ctx context.Context) ([]string, error) {
	data, err := s.bucket.ReadAll(ctx, s.erasedName())
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read who was erased: %w", err)
	}
	return strings.Fields(string(data)), nil
}

// noteErased adds to it. Nothing is ever taken away, since nobody knows which backups there are copies of.
func (s shelf) noteErased(ctx context.Context, ids []string) error {
	have, err := s.erased(ctx)
	if err != nil {
		return err
	}
	all := append(slices.Clone(have), ids...)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == len(have) {
		return nil
	}
	if err := s.bucket.WriteAll(ctx, s.erasedName(), []byte(strings.Join(all, "\n")+"\n"), &blob.WriterOptions{ContentType: "text/plain"}); err != nil {
		return fmt.Errorf("write who was erased: %w", err)
	}
	return nil
}

// perPage is how many ids one message holds: a fraction of what a broker takes in one.
const perPage = 10_000

// eraseAgain leaves word in the bucket of accounts: a gateway obeys it before it lets anybody in.
func eraseAgain(ctx context.Context, nc *nats.Conn, ids []string) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	page := 0
	for some := range slices.Chunk(ids, perPage) {
		data, err := json.Marshal(some)
		if err != nil {
			return err
		}
		if _, err := js.Publish(ctx, storelog.PagesOfEraseAgain+strconv.Itoa(page), data); err != nil {
			return fmt.Errorf("leave word of who was erased: %w", err)
		}
		page++
	}
	return nil
}
