package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
)

// Begin finds the run of a plan whose items are spread over shards, or makes it,
// without doing any of its work: package shard does that. Of the plan's dataset the
// name and the hash are enough. total is the number of outputs of all shards.
func (r *Runner) Begin(ctx context.Context, p Plan, shards, total int) (Run, error) {
	p.defaults()
	if p.Candidate.Name == "" {
		return Run{}, invalidPlan("candidate", "the candidate has no name", "")
	}
	latest, next, err := r.latest(ctx, p)
	if err != nil {
		return Run{}, err
	}
	s := session{Runner: r, plan: p}
	if latest != nil && !p.New {
		s.run = *latest
	} else {
		s.run = Run{ID: next, Dataset: p.Dataset.Name, DatasetHash: p.Dataset.Hash, Split: p.Split, Candidate: p.Candidate,
			Repeat: p.Repeat, Status: StatusRunning, Created: s.now()}
	}
	s.run.Candidate.Price, s.run.Concurrency, s.run.Shards, s.run.Total = p.Candidate.Price, p.Concurrency, shards, total
	return s.run, s.save(ctx)
}

// RecordingByHash stands for recorded answers that are read elsewhere: it holds none,
// and names a run as the record with this hash would.
func RecordingByHash(name, hash string) *Recording {
	r := newRecording(name)
	r.sum = hash
	return r
}

// EachRecorded streams a record as ReadRecording reads it, with the same faults but for
// answers that are recorded twice, and returns its hash. line is the text behind o.
func EachRecorded(r io.Reader, name string, maxLine int, yield func(line []byte, o Output) error) (hash string, err error) {
	sum := sha256.New()
	n := 0
	for row, err := range recordLines(r, name, maxLine, sum) {
		if err == nil {
			err = checkRecorded(row.Output, name, row.place)
		}
		if err != nil {
			return "", err
		}
		n++
		if err := yield(row.text, row.Output); err != nil {
			return "", err
		}
	}
	if n == 0 {
		return "", noRecords(name)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
