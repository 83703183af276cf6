package shard

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
)

// Recordings are recorded answers that were split like the items that they belong to.
type Recordings struct {
	set  Set
	dir  string
	name string
	sum  string
}

// Record is a file of recorded outputs that can be read several times.
type Record struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// elsewhere marks, among buckets, an item of the dataset that is in none of the shards.
const elsewhere = -1

// SplitRecord spreads recorded outputs (JSONL, see evaluate.ReadRecording) over the
// shards of a set that was split from src. It holds eight bytes and a number for each
// item and each answer while it does so.
func SplitRecord(ctx context.Context, rec Record, src Source, set Set) (*Recordings, error) {
	sum, err := eachRecorded(rec, func([]byte, evaluate.Output) error { return nil })
	if err != nil {
		return nil, err
	}
	r := &Recordings{set: set, name: rec.Name, sum: sum, dir: filepath.Join(set.Dir, "recorded-"+sum[:16])}
	return r, whole(r.dir, func(dir string) error { return r.write(ctx, rec, src, dir) }, func() error { return nil })
}

// OpenRecordings finds recorded outputs that SplitRecord has spread before, by their hash.
func OpenRecordings(set Set, name, sum string) (*Recordings, error) {
	r := &Recordings{set: set, name: name, sum: sum, dir: filepath.Join(set.Dir, "recorded-"+sum[:min(16, len(sum))])}
	if _, err := os.Stat(r.dir); err != nil || len(sum) < 16 {
		return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "the recorded outputs of " + name + " are not among the shards", Hint: "give the eval run command again", Err: err}
	}
	return r, nil
}

func eachRecorded(rec Record, yield func([]byte, evaluate.Output) error) (string, error) {
	f, err := rec.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	return evaluate.EachRecorded(f, rec.Name, 0, yield)
}

func (r *Recordings) write(ctx context.Context, rec Record, src Source, dir string) error {
	seed := maphash.MakeSeed()
	o := Options{Split: r.set.Split}
	buckets := make(map[uint64]int32, r.set.Items)
	_, err := src(func(item dataset.Item) error {
		b := int32(elsewhere)
		if o.takes(item) {
			b = int32(bucket(item, r.set.Buckets))
		}
		buckets[maphash.String(seed, item.ID)] = b
		return every(ctx, len(buckets))
	})
	if err != nil {
		return err
	}
	seen := make(map[uint64]struct{}, r.set.Items)
	parts := newSpread(dir, r.set.Buckets)
	strange, first := 0, ""
	_, err = eachRecorded(rec, func(line []byte, out evaluate.Output) error {
		b, ok := buckets[maphash.String(seed, out.ItemID)]
		if !ok {
			if strange++; strange == 1 {
				first = out.ItemID
			}
			return nil
		}
		key := maphash.Comparable(seed, struct {
			item   string
			repeat int
		}{out.ItemID, out.Repeat})
		if _, twice := seen[key]; twice {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "recorded", Message: fmt.Sprintf("%s: item %q, repeat %d is recorded twice", r.name, out.ItemID, out.Repeat),
				Hint: "see docs/formats/dataset.md for recorded outputs"}
		}
		seen[key] = struct{}{}
		if b == elsewhere {
			return nil
		}
		return errors.Join(parts.add(int(b), line), parts.add(int(b), []byte("\n")), every(ctx, len(seen)))
	})
	if err == nil && strange > 0 {
		err = &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "recorded",
			Message: fmt.Sprintf("%s records %d outputs of items that dataset %s does not have, such as %q", r.name, strange, r.set.Name, first),
			Hint:    "give the dataset that the outputs were recorded with"}
	}
	if err != nil {
		return err
	}
	return parts.flush()
}

// Sum is the record's hash.
func (r *Recordings) Sum() string { return r.sum }

// shard reads the answers of one shard; there may be none.
func (r *Recordings) shard(n int) (*evaluate.Recording, error) {
	f, err := os.Open(filepath.Join(r.dir, r.set.Shards[n-1].File))
	if errors.Is(err, fs.ErrNotExist) {
		return evaluate.RecordingByHash(r.name, r.sum), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read recorded outputs of shard %d: %w", n, err)
	}
	defer f.Close()
	return evaluate.ReadRecording(f, r.name, 0)
}
