package dataset

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Options say how a file is read.
type Options struct {
	Name    string // of the dataset; default: the file's name without extension
	File    string // the file's name, for faults; Open sets it
	Format  string // "jsonl", "csv", "tsv"; Open's default is the file's extension
	Columns Columns
	MaxLine int // bytes of a line or record; default DefaultMaxLine
}

func (o Options) maxLine() int {
	if o.MaxLine <= 0 {
		return DefaultMaxLine
	}
	return o.MaxLine
}

func (o Options) name() string {
	if o.Name != "" {
		return o.Name
	}
	base := filepath.Base(o.File)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// reader reads items of one format into a collector.
type reader func(r io.Reader, o Options, c *collector) error

func read(r io.Reader, o Options, from reader) (Dataset, error) {
	c := newCollector(o.File)
	if err := from(r, o, c); err != nil {
		return Dataset{}, err
	}
	return c.dataset(o.name())
}

// Open reads a dataset from a file.
func Open(path string, o Options) (Dataset, error) {
	var d Dataset
	err := open(path, o, func(f io.Reader, o Options, from reader) (err error) {
		d, err = read(f, o, from)
		return err
	})
	return d, err
}

// Summary is a dataset that was streamed.
type Summary struct {
	Name  string
	Hash  string // as that of Dataset
	Items int
}

// Each streams the items of a file to yield, one in memory at a time (and eight
// bytes of each id, which find one that is used twice), until yield returns an error,
// which it returns. Faults are those of Open. They may come after items: what
// yield was told counts only once Each has returned without an error.
func Each(path string, o Options, yield func(Item) error) (Summary, error) {
	var s Summary
	err := open(path, o, func(f io.Reader, o Options, from reader) error {
		c := newCollector(o.File)
		c.yield = yield
		err := from(f, o, c)
		if err == nil || c.failed != nil {
			s, err = c.summary(o.name())
		}
		return err
	})
	return s, err
}

// open finds the reader of a file's format.
func open(path string, o Options, do func(io.Reader, Options, reader) error) error {
	if o.File == "" {
		o.File = path
	}
	format := o.Format
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read dataset: %w", err)
	}
	defer f.Close()
	switch format {
	case "jsonl", "ndjson":
		return do(f, o, readJSONL)
	case "csv":
		return do(f, o, readCSV)
	case "tsv", "tab":
		return do(f, o, readTSV)
	}
	return errorFor("%s: unknown dataset format %q", "use a file that ends in .jsonl, .csv or .tsv, or name its format", path, format)
}
