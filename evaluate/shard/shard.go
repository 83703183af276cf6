// Package shard runs an evaluation in pieces, so that a dataset of any size needs
// the memory of one piece.
//
// Key words: shard, family, statistics, replicate.
//
// Split streams a dataset once over into shard files of about the same number of
// items; a family of near-duplicates stays together. Each shard is a dataset like
// any other and is run by evaluate.Runner as a run of its own, whose Parent is the
// run as a whole: resuming, retrying and one result for each item come from there.
// What is kept of a scored shard are sums (Statistics): of each metric's
// statistics, of as many replicates of them as the bootstrap has, of tokens, cost and
// latencies. They add up, in any order, to those of the whole. The usual path is
//
//	set, err := shard.Split(ctx, shard.File("items.jsonl", dataset.Options{}), shard.Options{Folder: dir})
//	r := shard.Runner{Runner: evaluate.Runner{...}, Store: store, Set: set, Plan: plan}
//	run, err := r.Run(ctx)
//
// or, where several processes share the work, Start in one, Shard in any, and Finish
// after each. Errors are *stylesprint.Error values or wrapped with the failed act.
// A Runner may be used by one goroutine at a time; a Set is a plain value.
package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"stylesprint"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
)

// DefaultSize is the number of items in a shard.
const DefaultSize = 5000

// Source streams a dataset's items; it may be called several times.
type Source func(yield func(dataset.Item) error) (dataset.Summary, error)

// File is a dataset in a file, of which one item at a time is in memory.
func File(path string, o dataset.Options) Source {
	return func(yield func(dataset.Item) error) (dataset.Summary, error) { return dataset.Each(path, o, yield) }
}

// Memory is a dataset that is in memory already.
func Memory(d dataset.Dataset) Source {
	return func(yield func(dataset.Item) error) (dataset.Summary, error) {
		for _, item := range d.Items {
			if err := yield(item); err != nil {
				return dataset.Summary{}, err
			}
		}
		return dataset.Summary{Name: d.Name, Hash: d.Hash, Items: len(d.Items)}, nil
	}
}

// Options say how a dataset is split.
type Options struct {
	// Folder is where shards are kept, below the dataset's hash.
	Folder string
	// Size is about how many items a shard has. Defaults to DefaultSize.
	Size int
	// Split keeps only the items of this split; empty: all.
	Split string
	// Progress, if set, is told how many items have been read, of both passes.
	Progress func(items int)
}

// Set is a dataset that was split.
type Set struct {
	Dir string `json:"-"`

	Version    int    `json:"version"`
	Name       string `json:"name"`  // of the dataset
	Hash       string `json:"hash"`  // of all its items, those of other splits included
	Split      string `json:"split"` // empty: all items
	Size       int    `json:"size"`
	Buckets    int    `json:"buckets"` // over which families were spread; some may be empty
	Items      int    `json:"items"`   // in the shards
	References int    `json:"references"`
	Shards     []Part `json:"shards"`
}

// Part is one shard of a Set.
type Part struct {
	File   string `json:"file"`   // in the set's folder
	Bucket int    `json:"bucket"` // from 0
	Items  int    `json:"items"`
	Hash   string `json:"hash"` // as a dataset of its own
}

const setVersion = 1

// manifest is the file that describes a Set in its folder.
const manifest = "set.json"

// Open reads a set that Split has written.
func Open(dir string) (Set, error) {
	s := Set{Dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, manifest))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err == nil && s.Version != setVersion {
		err = fmt.Errorf("it is of version %d", s.Version)
	}
	if err != nil {
		code := stylesprint.CodeConflict
		if errors.Is(err, fs.ErrNotExist) {
			code = stylesprint.CodeNotFound
		}
		return s, &stylesprint.Error{Code: code, Message: "the shards in " + dir + " cannot be read", Hint: "remove that folder and give the eval run command again", Err: err}
	}
	return s, nil
}

// Dataset reads shard n, from 1.
func (s Set) Dataset(n int) (dataset.Dataset, error) {
	if n < 1 || n > len(s.Shards) {
		return dataset.Dataset{}, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("there is no shard %d of %d", n, len(s.Shards))}
	}
	path := filepath.Join(s.Dir, s.Shards[n-1].File)
	d, err := dataset.Open(path, dataset.Options{Name: s.Name})
	if err == nil && d.Hash != s.Shards[n-1].Hash {
		err = errors.New("its items have been changed")
	}
	if err != nil {
		return d, &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("shard %d cannot be read from %s", n, path),
			Hint: "remove the folder " + s.Dir + " and give the eval run command again", Err: err}
	}
	return d, nil
}

// Find reads the shard with a hash, of whichever set below folder has it.
func Find(folder, hash string) (dataset.Dataset, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "shards-*", manifest))
	if err != nil {
		return dataset.Dataset{}, fmt.Errorf("find shard: %w", err)
	}
	for _, file := range files {
		s, err := Open(filepath.Dir(file))
		if err != nil {
			continue // of another version: the shard may be in the next one
		}
		for i, part := range s.Shards {
			if part.Hash == hash {
				return s.Dataset(i + 1)
			}
		}
	}
	return dataset.Dataset{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "there is no shard with the hash " + hash, Hint: "give the eval run command again with the same file"}
}

// count reads a source and finds out what its shards need to know.
func count(ctx context.Context, src Source, o Options) (Set, error) {
	s := Set{Version: setVersion, Split: o.Split, Size: o.Size, References: -2}
	read := 0
	sum, err := src(func(item dataset.Item) error {
		read++
		o.tell(read)
		if !o.takes(item) {
			return nil
		}
		s.Items++
		if refs := len(item.References); s.References == -2 {
			s.References = refs
		} else if s.References != refs {
			s.References = metric.VaryingReferences
		}
		return every(ctx, read)
	})
	if err != nil {
		return s, err
	}
	if s.Items == 0 {
		return s, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "split", Message: fmt.Sprintf("dataset %s has no items in split %q", sum.Name, o.Split),
			Hint: "leave --split out to take all items"}
	}
	s.Name, s.Hash = sum.Name, sum.Hash
	s.Buckets = (s.Items + o.Size - 1) / o.Size
	return s, nil
}

func (o Options) takes(item dataset.Item) bool { return o.Split == "" || item.Split == o.Split }

func (o Options) tell(n int) {
	if o.Progress != nil {
		o.Progress(n)
	}
}

// every asks once in a while whether ctx has ended.
func every(ctx context.Context, n int) error {
	if n%1024 != 0 {
		return nil
	}
	return ctx.Err()
}

// staleAfter is when what a killed process left behind is removed.
const staleAfter = 24 * time.Hour
