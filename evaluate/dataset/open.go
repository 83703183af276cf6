package dataset

import (
	"fmt"
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

// Open reads a dataset from a file.
func Open(path string, o Options) (Dataset, error) {
	if o.File == "" {
		o.File = path
	}
	format := o.Format
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	}
	f, err := os.Open(path)
	if err != nil {
		return Dataset{}, fmt.Errorf("read dataset: %w", err)
	}
	defer f.Close()
	switch format {
	case "jsonl", "ndjson":
		return ReadJSONL(f, o)
	case "csv":
		return ReadCSV(f, o)
	case "tsv", "tab":
		return ReadTSV(f, o)
	}
	return Dataset{}, errorFor("%s: unknown dataset format %q", "use a file that ends in .jsonl, .csv or .tsv, or name its format", path, format)
}
