package shard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

// Split spreads the items of a source over shards, in two passes: one to count and
// check them, one to write them. Shards that are there already are used as they are.
// The folder appears once it is whole.
func Split(ctx context.Context, src Source, o Options) (Set, error) {
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	if o.Size < 1 {
		return Set{}, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "shard-size", Message: fmt.Sprintf("shard size %d: want at least 1", o.Size)}
	}
	s, err := count(ctx, src, o)
	if err != nil {
		return s, err
	}
	name := "shards-" + strconv.Itoa(o.Size)
	if o.Split != "" {
		name += "-" + o.Split
	}
	s.Dir = filepath.Join(o.Folder, s.Hash, name)
	return s, whole(s.Dir, func(dir string) error { return s.write(ctx, src, o, dir) }, func() error {
		known, err := Open(s.Dir)
		known.Name = s.Name
		s = known
		return err
	})
}

// whole makes a folder under a temporary name and renames it once it is complete, or
// opens the one that is there. Several processes may do so at once.
func whole(dir string, write func(dir string) error, open func() error) error {
	if _, err := os.Stat(dir); err == nil {
		return open()
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	sweep(parent)
	temporary, err := os.MkdirTemp(parent, unfinished)
	if err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	defer os.RemoveAll(temporary) // gone already once renamed
	if err := write(temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, dir); err != nil {
		if _, there := os.Stat(dir); there == nil { // another process was faster
			return open()
		}
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return open()
}

// unfinished begins the names of temporary folders.
const unfinished = ".unfinished-"

// sweep removes folders that a killed process has left behind.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), unfinished) && time.Since(info.ModTime()) > staleAfter {
			_ = os.RemoveAll(filepath.Join(parent, e.Name())) // another sweep may have been faster
		}
	}
}

// write is the second pass.
func (s *Set) write(ctx context.Context, src Source, o Options, dir string) error {
	parts := newSpread(dir, s.Buckets)
	encode := make([]dataset.Encoder, s.Buckets)
	hashes := make([]hash.Hash, s.Buckets)
	counts := make([]int, s.Buckets)
	for i := range encode {
		hashes[i] = sha256.New()
		encode[i] = dataset.NewEncoder(bucketWriter{parts, i, hashes[i]})
	}
	read := 0
	sum, err := src(func(item dataset.Item) error {
		read++
		o.tell(read)
		if !o.takes(item) {
			return nil
		}
		b := bucket(item, s.Buckets)
		counts[b]++
		return errors.Join(encode[b].Encode(item), every(ctx, read))
	})
	if err == nil && sum.Hash != s.Hash {
		err = &stylesprint.Error{Code: stylesprint.CodeConflict, Message: "dataset " + sum.Name + " was changed while it was read", Hint: "give the command again once the file is complete"}
	}
	if err == nil {
		err = parts.flush()
	}
	if err != nil {
		return err
	}
	s.Shards = nil
	for b, n := range counts {
		if n > 0 {
			s.Shards = append(s.Shards, Part{File: partName(b), Bucket: b, Items: n, Hash: hex.EncodeToString(hashes[b].Sum(nil))})
		}
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("describe shards: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifest), text, 0o644); err != nil {
		return fmt.Errorf("describe shards: %w", err)
	}
	return nil
}

// bucket is where an item belongs: it depends on its family alone.
func bucket(item dataset.Item, buckets int) int {
	sum := sha256.Sum256([]byte(cmp.Or(item.Family, item.ID)))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(buckets))
}

func partName(bucket int) string { return fmt.Sprintf("%04d.jsonl", bucket+1) }

// spread writes to many files by turns with one of them open at a time.
type spread struct {
	dir     string
	limit   int
	buffers [][]byte
}

// spreadBytes is about how much a spread holds in memory.
const spreadBytes = 16 << 20

func newSpread(dir string, n int) *spread {
	return &spread{dir: dir, limit: max(1<<10, min(256<<10, spreadBytes/n)), buffers: make([][]byte, n)}
}

func (s *spread) add(bucket int, p []byte) error {
	s.buffers[bucket] = append(s.buffers[bucket], p...)
	if len(s.buffers[bucket]) < s.limit {
		return nil
	}
	return s.empty(bucket)
}

func (s *spread) empty(bucket int) error {
	if len(s.buffers[bucket]) == 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(s.dir, partName(bucket)), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write shard: %w", err)
	}
	_, err = f.Write(s.buffers[bucket])
	s.buffers[bucket] = s.buffers[bucket][:0]
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write shard: %w", err)
	}
	return nil
}

func (s *spread) flush() error {
	for b := range s.buffers {
		if err := s.empty(b); err != nil {
			return err
		}
	}
	return nil
}

// bucketWriter writes to one file of a spread and to its hash.
type bucketWriter struct {
	to     *spread
	bucket int
	hash   hash.Hash
}

func (w bucketWriter) Write(p []byte) (int, error) {
	w.hash.Write(p)
	return len(p), w.to.add(w.bucket, p)
}
