package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// A backup is an object <installation>/<time>-<newest message>.age. It counts, as the newest or as one of those that are kept,
// once the object of the same name that ends in .verified stands beside it. That isn't a renaming, because object stores
// copy where folders rename, and what was read back would not be what is kept; S3 doesn't copy more than 5 GB at once, either.
const (
	sealedEnd   = ".age"
	verifiedEnd = ".verified"
	// stamp sorts as text in the order of time.
	stamp = "20060102T150405Z"

	// Earlier releases wrote stores-<time>-<newest message>.snapshot, unencrypted and without saying whose they are. They are
	// shown, restored by name and never removed.
	plainBegin = "stores-"
	plainEnd   = ".snapshot"
)

// abandoned is how old a backup is that was never verified, and that nobody is at work on any more: more than the nightly
// job may take.
const abandoned = 24 * time.Hour

// shelf is where the backups of one installation stand, beside those of others.
type shelf struct {
	bucket       *blob.Bucket
	installation string
	progress     io.Writer
}

func (s shelf) begin() string { return s.installation + "/" }

func (s shelf) name(at time.Time, seq uint64) string {
	return fmt.Sprintf("%s%s-%012d%s", s.begin(), at.Format(stamp), seq, sealedEnd)
}

// free is the name of a backup that is about to be taken. Accounts come and go without a message on the log, so two of one second and
// one sequence aren't the same: the later one is named after the next second, or it would be written over the earlier, and take that with it where it fails.
func (s shelf) free(ctx context.Context, now time.Time, seq uint64) (string, error) {
	for at := now; ; at = at.Add(time.Second) {
		name := s.name(at, seq)
		taken, err := s.bucket.Exists(ctx, name)
		if err != nil {
			return "", fmt.Errorf("look whether %s is there already: %w", name, err)
		}
		if !taken {
			return name, nil
		}
	}
}

// seqOf is the newest message of a backup of this installation.
func (s shelf) seqOf(name string) uint64 {
	_, seq, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(name, s.begin()), sealedEnd), "-")
	n, _ := strconv.ParseUint(seq, 10, 64) // what isn't a number is none of those that are warned of
	return n
}

// taken is when a backup of this installation was taken, if name is one's, and not that of a bucket beside it.
func (s shelf) taken(name string) (time.Time, bool) {
	rest, ours := strings.CutPrefix(name, s.begin())
	when, seq, hasSeq := strings.Cut(rest, "-")
	at, err := time.Parse(stamp, when)
	seq, sealed := strings.CutSuffix(seq, sealedEnd)
	return at, ours && hasSeq && err == nil && sealed && !strings.Contains(seq, ".")
}

// partOf is a backup of a bucket that belongs to the backup of a log.
func partOf(name, bucket string) string {
	return strings.TrimSuffix(name, sealedEnd) + "." + bucket + sealedEnd
}

func partsOf(name string, buckets []string) []string {
	var parts []string
	for _, bucket := range buckets {
		parts = append(parts, partOf(name, bucket))
	}
	return parts
}

func isPlain(name string) bool {
	return strings.HasPrefix(name, plainBegin) && strings.HasSuffix(name, plainEnd)
}

func markOf(name string) string { return strings.TrimSuffix(name, sealedEnd) + verifiedEnd }

// names lists the backups of this installation, oldest first: those that were verified, and those that weren't.
func (s shelf) names(ctx context.Context) (verified, others []string, err error) {
	all, err := s.objects(ctx, s.begin())
	if err != nil {
		return nil, nil, err
	}
	for _, name := range all {
		if _, ok := s.taken(name); !ok {
			continue
		}
		if _, ok := slices.BinarySearch(all, markOf(name)); ok {
			verified = append(verified, name)
		} else {
			others = append(others, name)
		}
	}
	return verified, others, nil
}

// objects lists what begins so, sorted.
func (s shelf) objects(ctx context.Context, begin string) ([]string, error) {
	var found []string
	for objects := s.bucket.List(&blob.ListOptions{Prefix: begin}); ; {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			slices.Sort(found)
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the backups: %w", err)
		}
		found = append(found, object.Key)
	}
}

// list shows what can be restored: what an earlier release left, which may be anybody's, before what is this installation's.
func (s shelf) list(ctx context.Context, out io.Writer) error {
	plain, err := s.objects(ctx, plainBegin)
	if err != nil {
		return err
	}
	verified, _, err := s.names(ctx)
	if err != nil {
		return err
	}
	for _, name := range append(slices.DeleteFunc(plain, func(name string) bool { return !isPlain(name) }), verified...) {
		fmt.Fprintln(out, name)
	}
	if len(verified) > 0 {
		return nil
	}
	err = s.none(ctx)
	if errors.Is(err, errNone) {
		fmt.Fprintln(s.progress, err)
		return nil
	}
	return err
}

// none is errNone, with what else lies there: an installation that was set up anew under another id has its backups under the old.
func (s shelf) none(ctx context.Context) error {
	var others []string
	for objects := s.bucket.List(&blob.ListOptions{Delimiter: "/"}); ; {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("list whose backups there are: %w", err)
		}
		if object.IsDir && !strings.HasPrefix(s.begin(), object.Key) {
			others = append(others, strings.TrimSuffix(object.Key, "/"))
		}
	}
	if len(others) == 0 {
		return fmt.Errorf("%w of installation %q", errNone, s.installation)
	}
	return fmt.Errorf("%w of installation %q; others may have some, under the INSTALLATION that they were taken with: %s",
		errNone, s.installation, strings.Join(others, ", "))
}

// choose is the backup to restore: the one that was asked for, or the newest that was verified. It fails with
// storelog.ErrForeignLog where the name says that it is another installation's, or with errNone.
func (s shelf) choose(ctx context.Context, asked string) (string, error) {
	if asked != "" {
		owner, _, says := strings.Cut(asked, "/")
		if !says {
			return asked, nil // what is in it will say
		}
		if err := storelog.CheckOwner(owner, s.installation); err != nil {
			return "", fmt.Errorf("restore %s: %w", asked, err)
		}
		return asked, nil
	}
	verified, _, err := s.names(ctx)
	if err != nil {
		return "", err
	}
	if len(verified) == 0 {
		return "", s.none(ctx)
	}
	newest := verified[len(verified)-1]
	s.warnOfLonger(verified, newest)
	return newest, nil
}

// warnOfLonger says which backup from before chosen holds more than it. Either a clock was wrong, or a log was restored from
// an older backup between the two, and names don't say which.
func (s shelf) warnOfLonger(verified []string, chosen string) {
	longest := slices.MaxFunc(verified, func(a, b string) int { return cmp.Compare(s.seqOf(a), s.seqOf(b)) })
	if s.seqOf(longest) > s.seqOf(chosen) {
		fmt.Fprintf(s.progress, "%s is the newest by its time, and %s goes further, up to message %d: unless the log was restored "+
			"between the two, a clock was wrong, and --from names the one to restore\n", chosen, longest, s.seqOf(longest))
	}
}

// mark has a backup count.
func (s shelf) mark(ctx context.Context, name, said string) error {
	if err := s.bucket.WriteAll(ctx, markOf(name), []byte(said+"\n"), nil); err != nil {
		return fmt.Errorf("write that %s was verified: %w", name, err)
	}
	return nil
}

// discard removes what could not be verified, also when ctx has ended meanwhile.
func (s shelf) discard(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return s.deleteAll(ctx, name)
}

// deleteAll removes a backup with the buckets beside it, those first: what is left without them is none that counts.
func (s shelf) deleteAll(ctx context.Context, name string) error {
	parts, err := s.objects(ctx, strings.TrimSuffix(name, sealedEnd)+".")
	if err != nil {
		return err
	}
	slices.SortFunc(parts, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, part := range parts {
		if !strings.HasSuffix(part, sealedEnd) {
			continue
		}
		if err := s.bucket.Delete(ctx, part); err != nil {
			return fmt.Errorf("remove %s: %w", part, err)
		}
	}
	return nil
}

// prune removes this installation's oldest backups beyond keep, and what runs that were killed have left. The one just made
// stays also where a clock that was set back says that it is the oldest.
func (s shelf) prune(ctx context.Context, made string, keep int, now time.Time) error {
	verified, others, err := s.names(ctx)
	if err != nil {
		return err
	}
	verified = slices.DeleteFunc(verified, func(name string) bool { return name == made })
	for _, name := range verified[:max(0, len(verified)-keep+1)] {
		// First the mark: between the two it is one that doesn't count.
		if err := s.bucket.Delete(ctx, markOf(name)); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		if err := s.remove(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range others {
		if at, _ := s.taken(name); now.Sub(at) > abandoned {
			if err := s.remove(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s shelf) remove(ctx context.Context, name string) error {
	if err := s.deleteAll(ctx, name); err != nil {
		return err
	}
	fmt.Fprintln(s.progress, "removed", name)
	return nil
}
