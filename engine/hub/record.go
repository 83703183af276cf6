package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// recordName marks a model's folder as complete. It is written last.
const recordName = ".hub.json"

const recordFormat = 1

// record describes what lies in a model's folder and how it came there.
type record struct {
	Format   int          `json:"format"`
	Model    string       `json:"model"`
	Source   string       `json:"source"` // Source.String(), or "copied"
	Revision string       `json:"revision,omitempty"`
	Entry    string       `json:"entry,omitempty"`
	Fetched  time.Time    `json:"fetched"`
	Files    []fileRecord `json:"files"`
}

type fileRecord struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// HubHash is the hub's own name for the content: a SHA-256 for large files, a
	// git blob hash for small ones.
	HubHash string `json:"hub_hash,omitempty"`
}

// pin remembers, past the removal of the files, what a source first gave for a
// file whose hash the registry does not know.
type pin struct {
	Revision string       `json:"revision,omitempty"`
	Files    []fileRecord `json:"files"`
}

func (p pin) file(path string) fileRecord {
	for _, f := range p.Files {
		if f.Path == path {
			return f
		}
	}
	return fileRecord{}
}

func (c *Cache) folder(model string) string { return filepath.Join(c.options.Dir, "models", model) }

func (c *Cache) pinPath(model string) string {
	return filepath.Join(c.options.Dir, "pins", model+".json")
}

// readRecord loads a model's record; ok is false where there is none that this
// program understands.
func (c *Cache) readRecord(model string) (r record, ok bool, err error) {
	data, err := os.ReadFile(filepath.Join(c.folder(model), recordName))
	if errors.Is(err, os.ErrNotExist) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	if json.Unmarshal(data, &r) != nil || r.Format != recordFormat || r.Model != model || !r.safe() {
		return record{}, false, nil
	}
	return r, true, nil
}

// safe reports whether all paths stay inside the folder.
func (r record) safe() bool {
	for _, f := range r.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return false
		}
	}
	return len(r.Files) > 0 && (r.Entry == "" || filepath.IsLocal(filepath.FromSlash(r.Entry)))
}

// current reports whether the record is what today's registry would fetch.
func (r record) current(m Model) bool {
	for _, s := range m.Sources {
		if r.Entry == s.Entry && r.holds(s) && (r.Source == s.String() || r.Source == copiedSource) {
			return true
		}
	}
	return false
}

func (r record) holds(s Source) bool {
	have := map[string]fileRecord{}
	for _, f := range r.Files {
		have[f.Path] = f
	}
	for _, f := range s.Files {
		h, ok := have[f.Path]
		if !ok || (f.SHA256 != "" && h.SHA256 != f.SHA256) {
			return false
		}
	}
	return true
}

// present reports whether the files are there with the recorded sizes.
func (c *Cache) present(r record) bool {
	for _, f := range r.Files {
		info, err := os.Stat(filepath.Join(c.folder(r.Model), filepath.FromSlash(f.Path)))
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
			return false
		}
	}
	return true
}

// weights is the hash of the entry, or of the largest file of a folder.
func (r record) weights() string {
	var best fileRecord
	for _, f := range r.Files {
		if f.Path == r.Entry {
			return f.SHA256
		}
		if f.Size > best.Size {
			best = f
		}
	}
	return best.SHA256
}

func (c *Cache) local(m Model, r record) Local {
	return Local{Model: m, Path: filepath.Join(c.folder(m.Name), filepath.FromSlash(r.Entry)), Source: r.Source, SHA256: r.weights()}
}

// readPin loads what a source gave at the first pull.
func (c *Cache) readPin(model string, s Source) (pin, error) {
	pins, err := c.readPins(model)
	return pins[s.String()], err
}

func (c *Cache) readPins(model string) (map[string]pin, error) {
	data, err := os.ReadFile(c.pinPath(model))
	if errors.Is(err, os.ErrNotExist) {
		return map[string]pin{}, nil
	}
	if err != nil {
		return nil, err
	}
	pins := map[string]pin{}
	if err := json.Unmarshal(data, &pins); err != nil {
		return nil, fmt.Errorf("read %s: %w (delete it to accept what the source has now)", c.pinPath(model), err)
	}
	return pins, nil
}

func (c *Cache) writePin(model string, s Source, p pin) error {
	pins, err := c.readPins(model)
	if err != nil {
		return err
	}
	pins[s.String()] = p
	return c.writeJSON(c.pinPath(model), pins)
}

func (c *Cache) writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	t, err := c.createTemp(path)
	if err != nil {
		return err
	}
	defer t.discard()
	if _, err := t.Write(append(data, '\n')); err != nil {
		return err
	}
	return t.commit()
}
