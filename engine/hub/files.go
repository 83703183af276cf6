package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// output is a file being written; tests put failing ones in its place.
type output interface {
	io.Writer
	Sync() error
	Close() error
}

const (
	partialSuffix = ".partial"      // a download that can be resumed
	stateSuffix   = ".partial.json" // what is known about it
	tempSuffix    = ".unfinished"   // anything else that is being written
	pipPrefix     = ".pip-"         // folders in which pip works
)

// temporary is a file beside the final one, which takes its place when complete.
type temporary struct {
	output
	final string
	name  string
	done  bool
}

func (c *Cache) createTemp(final string) (*temporary, error) {
	name := final + tempSuffix
	f, err := c.open(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	return &temporary{output: f, final: final, name: name}, nil
}

func (t *temporary) commit() error {
	t.done = true
	if err := errors.Join(t.Sync(), t.Close()); err != nil {
		os.Remove(t.name)
		return err
	}
	return publish(t.name, t.final)
}

// discard removes the file unless it was committed.
func (t *temporary) discard() {
	if !t.done {
		t.done = true
		t.Close()
		os.Remove(t.name)
	}
}

// publish renames a synced file into place and syncs the folder.
func publish(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		os.Remove(from)
		return err
	}
	if dir, err := os.Open(filepath.Dir(to)); err == nil {
		// Not every system can sync a folder; the rename is atomic either way.
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// sweep removes what an earlier process left behind when it was killed; only
// resumable downloads stay. The caller holds the lock.
func sweep(dir string) error {
	return eachFileBelow(dir, func(path string, d os.DirEntry) error {
		switch {
		case d.IsDir() && strings.HasPrefix(d.Name(), pipPrefix):
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return filepath.SkipDir
		case strings.HasSuffix(d.Name(), tempSuffix):
			return os.Remove(path)
		}
		return nil
	})
}

// sweepPartials removes downloads that are no longer needed.
func sweepPartials(dir string) error {
	return eachFileBelow(dir, func(path string, d os.DirEntry) error {
		if strings.HasSuffix(d.Name(), partialSuffix) || strings.HasSuffix(d.Name(), stateSuffix) {
			return os.Remove(path)
		}
		return nil
	})
}

func eachFileBelow(dir string, visit func(path string, d os.DirEntry) error) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return visit(path, d)
	})
}

// sizeBelow is the sum of the sizes of the files in a folder.
func sizeBelow(dir string) int64 {
	var sum int64
	_ = eachFileBelow(dir, func(_ string, d os.DirEntry) error {
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// copyContext copies until the end, an error, or the end of ctx; after each
// piece it calls progress with the bytes copied so far.
func copyContext(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (int64, error) {
	buf := make([]byte, 1<<18)
	var done int64
	for {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		n, err := src.Read(buf)
		if n > 0 {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				return done, &writeError{werr}
			}
			done += int64(n)
			progress(done)
		}
		if err == io.EOF {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
}

// writeError tells a failed write from a failed read.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// hashInto adds a file's bytes to a hash and returns their number.
func hashInto(ctx context.Context, h hash.Hash, path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return copyContext(ctx, h, f, func(int64) {})
}

// FileSHA256 hashes a file.
func FileSHA256(ctx context.Context, path string) (string, error) {
	h := sha256.New()
	if _, err := hashInto(ctx, h, path); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
