package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"
)

// Entry is a model of the registry or of the cache.
type Entry struct {
	Model Model `json:"model"`
	// Path is a GGUF file or a folder; empty if the model is not here, by the names and
	// sizes of its files. Verify looks at the bytes.
	Path    string    `json:"path,omitempty"`
	Source  string    `json:"source,omitempty"`
	SHA256  string    `json:"sha256,omitempty"` // of the weights file
	Bytes   int64     `json:"bytes"`            // used on disk, unfinished downloads included
	Fetched time.Time `json:"fetched,omitzero"`
}

// List gives the registry's models in its order, then others that lie in the
// cache's folder, by name.
func (c *Cache) List(ctx context.Context) ([]Entry, error) {
	var entries []Entry
	for _, m := range c.models {
		e, err := c.entry(m)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	folders, err := os.ReadDir(filepath.Join(c.options.Dir, "models"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, c.fileFault("", err)
	}
	for _, d := range folders { // sorted by name
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, known := c.find(d.Name()); !known && d.IsDir() {
			entries = append(entries, Entry{Model: Model{Name: d.Name()}, Bytes: sizeBelow(c.folder(d.Name()))})
		}
	}
	return entries, nil
}

func (c *Cache) entry(m Model) (Entry, error) {
	e := Entry{Model: m, Bytes: sizeBelow(c.folder(m.Name))}
	r, ok, err := c.readRecord(m.Name)
	if err != nil {
		return e, c.fileFault(m.Name, err)
	}
	if ok && r.current(m) && c.present(r) {
		local := c.local(m, r)
		e.Path, e.Source, e.SHA256, e.Fetched = local.Path, local.Source, local.SHA256, r.Fetched
	}
	return e, nil
}

// Report is the outcome of Verify.
type Report struct {
	Model    string       `json:"model"`
	Source   string       `json:"source"`
	Revision string       `json:"revision,omitempty"`
	Fetched  time.Time    `json:"fetched"`
	Files    []FileReport `json:"files"`
}

// FileReport is the state of one file. Problem is empty if the file is sound.
type FileReport struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"` // of the bytes on disk
	Want    string `json:"want"`
	Problem string `json:"problem,omitempty"`
}

// OK reports whether every file is sound.
func (r Report) OK() bool {
	for _, f := range r.Files {
		if f.Problem != "" {
			return false
		}
	}
	return len(r.Files) > 0
}

// Verify hashes a cached model's files and compares them with the registry, or
// where that has no hash with what was recorded at the first pull. A damaged file
// is in the report, not in the error.
func (c *Cache) Verify(ctx context.Context, name string) (Report, error) {
	name = c.registered(name)
	m, known := c.find(name)
	if !known {
		return Report{}, c.unknown(name)
	}
	r, ok, err := c.readRecord(name)
	if err != nil {
		return Report{}, c.fileFault(name, err)
	}
	if !ok {
		return Report{}, c.notCached(name)
	}
	out := Report{Model: name, Source: r.Source, Revision: r.Revision, Fetched: r.Fetched}
	for _, f := range r.Files {
		file, err := c.verifyFile(ctx, m, r, f)
		if err != nil {
			return Report{}, err
		}
		out.Files = append(out.Files, file)
	}
	sort.Slice(out.Files, func(a, b int) bool { return out.Files[a].Path < out.Files[b].Path })
	return out, nil
}

func (c *Cache) verifyFile(ctx context.Context, m Model, r record, f fileRecord) (FileReport, error) {
	out := FileReport{Path: f.Path, Want: expected(m, r, f)}
	path := filepath.Join(c.folder(m.Name), filepath.FromSlash(f.Path))
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		out.Problem = "the file is missing"
		return out, nil
	}
	if err != nil {
		return out, c.fileFault(m.Name, err)
	}
	out.Size = info.Size()
	out.SHA256, err = FileSHA256(ctx, path)
	switch {
	case ctx.Err() != nil:
		return out, cancelled(m.Name, ctx.Err())
	case err != nil:
		return out, c.fileFault(m.Name, err)
	case out.Size != f.Size:
		out.Problem = fmt.Sprintf("the file has %d bytes, not %d", out.Size, f.Size)
	case out.SHA256 != out.Want:
		out.Problem = "the file has been changed or damaged"
	}
	return out, nil
}

// expected is the registry's hash for a file, which outranks the record.
func expected(m Model, r record, f fileRecord) string {
	for _, s := range m.Sources {
		if s.String() != r.Source && r.Source != copiedSource {
			continue
		}
		for _, known := range s.Files {
			if known.Path == f.Path && known.SHA256 != "" {
				return known.SHA256
			}
		}
	}
	return f.SHA256
}

func (c *Cache) notCached(name string) error {
	return &Error{Fault: NotCached, Model: name, Message: name + " is not on this machine", Advice: "fetch it with: " + pull(name)}
}

// Remove deletes a model's files, unfinished downloads included. What was recorded at
// the first pull is kept and enforced if the model is fetched again. It waits
// while the model is being fetched; programs that have the files open keep them.
func (c *Cache) Remove(ctx context.Context, name string) error {
	name = c.registered(name)
	dir := c.folder(name)
	if name == "" || looksLocal(name) {
		return c.unknown(name)
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if _, known := c.find(name); !known {
			return c.unknown(name)
		}
		return c.notCached(name)
	}
	unlock, err := c.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	// The record goes first: without it the rest does not count as a model.
	if err := os.Remove(filepath.Join(dir, recordName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return c.fileFault(name, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return c.fileFault(name, err)
	}
	return nil
}
