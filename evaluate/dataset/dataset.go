// Package dataset reads evaluation items from files.
//
// Key words: item, reference, family, split.
//
// Readers accept JSONL, CSV, TSV and parallel lines of text, all in UTF-8 with
// or without a byte order mark, with LF or CRLF. The usual path is
//
//	data, err := dataset.Open("items.jsonl", dataset.Options{})
//	test := data.Only("test")
//
// A file that is too large for the memory is streamed with Each, which sees the same
// faults and the same hash. A file with faults is refused with a *stylesprint.Error whose cause, Faults,
// names the file, the line and the field of each. Values are plain and safe to
// share. docs/formats/dataset.md describes the formats.
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Item is one input of an evaluation, with its references.
type Item struct {
	ID string `json:"id"`
	// Family groups near-duplicates (the colours of one dress); splits and
	// resampling keep a family together. Empty: the item is its own family.
	Family string `json:"family,omitempty"`
	Split  string `json:"split,omitempty"` // "train", "validation", "test"
	// Fields are the variables that a prompt template may use.
	Fields map[string]string `json:"fields"`
	// Slices are the groups that results are broken down by: category, colour.
	Slices     map[string]string `json:"slices,omitempty"`
	References []string          `json:"references"`
	// Images are the item's pictures, the first of which is scored: paths with
	// slashes, beside the dataset's file. Items without pictures leave it out.
	Images []string `json:"images,omitempty"`
}

// Dataset is a named list of items.
type Dataset struct {
	Name  string
	Items []Item
	// Hash is the SHA-256 of the items' canonical JSON, in order.
	Hash string
}

// Splits are the values that Item.Split may have; it may also be empty.
func Splits() []string { return []string{"train", "validation", "test"} }

// New checks items that were made elsewhere (a catalogue's products) and names
// and hashes them. Fault lines count items from 1.
func New(name string, items []Item) (Dataset, error) {
	c := newCollector(name)
	for i, item := range items {
		c.add(item, i+1)
	}
	return c.dataset(name)
}

// Hash is the SHA-256 of items as canonical JSON: one object a line, keys in
// the order of Item and sorted within fields and slices, nothing escaped that
// encoding/json would not escape with HTML escaping off, empty lists and maps written as such.
func Hash(items []Item) (string, error) {
	h := sha256.New()
	if err := writeJSONL(h, items); err != nil {
		return "", fmt.Errorf("hash items: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func writeJSONL(w io.Writer, items []Item) error {
	e := NewEncoder(w)
	for _, item := range items {
		if err := e.Encode(item); err != nil {
			return err
		}
	}
	return nil
}

// Encoder writes items one by one as lines that ReadJSONL reads back to the same hash.
type Encoder struct{ json *json.Encoder }

// NewEncoder writes to w, which is not buffered.
func NewEncoder(w io.Writer) Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return Encoder{e}
}

// Encode writes one item.
func (e Encoder) Encode(item Item) error {
	if item.Fields == nil {
		item.Fields = map[string]string{}
	}
	if item.References == nil {
		item.References = []string{}
	}
	if err := e.json.Encode(item); err != nil {
		return fmt.Errorf("write item %q: %w", item.ID, err)
	}
	return nil
}

// Only returns the items of one split, in order; all of them if split is empty.
// The name and the hash stay those of the whole dataset.
func (d Dataset) Only(split string) []Item {
	if split == "" {
		return d.Items
	}
	var out []Item
	for _, item := range d.Items {
		if item.Split == split {
			out = append(out, item)
		}
	}
	return out
}

// WriteJSONL writes the items as lines that ReadJSONL reads back to the same hash.
func (d Dataset) WriteJSONL(w io.Writer) error { return writeJSONL(w, d.Items) }

// collector checks items, hashes them, and gathers them or hands them on.
type collector struct {
	file   string
	items  []Item           // those of a whole dataset
	yield  func(Item) error // takes them one by one instead
	failed error            // what yield returned: nothing more is read
	count  int
	hash   hash.Hash
	encode Encoder
	seed   maphash.Seed
	lines  map[uint64]int32 // of each id, by a hash of 64 bits
	faults Faults
	more   int
}

func newCollector(file string) *collector {
	c := &collector{file: file, hash: sha256.New(), seed: maphash.MakeSeed(), lines: map[uint64]int32{}}
	c.encode = NewEncoder(c.hash)
	return c
}

// maxFaults is how many faults are named; a file of another kind has one a line.
const maxFaults = 20

func (c *collector) fault(line int, field, format string, args ...any) {
	if len(c.faults) == maxFaults {
		c.more++
		return
	}
	c.faults = append(c.faults, Fault{File: c.file, Line: line, Field: field, Message: fmt.Sprintf(format, args...)})
}

// add checks an item that a reader has read without fault.
func (c *collector) add(item Item, line int) {
	if c.failed != nil {
		return
	}
	before := len(c.faults) + c.more
	key := maphash.String(c.seed, item.ID)
	switch first, ok := c.lines[key]; {
	case item.ID == "":
		c.fault(line, "id", "is missing")
	case strings.TrimSpace(item.ID) != item.ID || len(item.ID) > maxID:
		c.fault(line, "id", "%q: want at most %d bytes without space around them", shorten(item.ID), maxID)
	case ok:
		c.fault(line, "id", "%q is already used on line %d", item.ID, first)
	}
	if item.Split != "" && !slices.Contains(Splits(), item.Split) {
		c.fault(line, "split", "%q: want %s or nothing", shorten(item.Split), strings.Join(Splits(), ", "))
	}
	for i, r := range item.References {
		if strings.TrimSpace(r) == "" {
			c.fault(line, fmt.Sprintf("references[%d]", i), "is empty; leave it out instead")
		}
	}
	for i, p := range item.Images {
		if !fs.ValidPath(p) || p == "." {
			c.fault(line, fmt.Sprintf("images[%d]", i), "%q: want a path beside the file, with slashes and without ..", shorten(p))
		}
	}
	if len(c.faults)+c.more > before {
		return
	}
	c.lines[key] = int32(line)
	c.take(item)
}

// take hashes an item without fault and keeps it or hands it on. After a fault
// none is handed on: the file is going to be refused.
func (c *collector) take(item Item) {
	c.count++
	if err := c.encode.Encode(item); err != nil {
		c.failed = err
		return
	}
	if c.yield == nil {
		c.items = append(c.items, item)
		return
	}
	if len(c.faults) == 0 {
		c.failed = c.yield(item)
	}
}

// maxID bounds ids, which are keys of stores and parts of addresses.
const maxID = 256

func shorten(s string) string {
	if len(s) <= 60 {
		return s
	}
	return strings.ToValidUTF8(s[:60], "") + "…"
}

func (c *collector) dataset(name string) (Dataset, error) {
	s, err := c.summary(name)
	if err != nil {
		return Dataset{}, err
	}
	return Dataset{Name: name, Items: c.items, Hash: s.Hash}, nil
}

// summary ends the collection.
func (c *collector) summary(name string) (Summary, error) {
	if c.failed != nil {
		return Summary{}, c.failed
	}
	if err := c.error(); err != nil {
		return Summary{}, err
	}
	if c.count == 0 {
		c.fault(0, "", "holds no items")
		return Summary{}, c.error()
	}
	return Summary{Name: name, Hash: hex.EncodeToString(c.hash.Sum(nil)), Items: c.count}, nil
}
