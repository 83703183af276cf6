package evaluate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

// Recorded is what one candidate answered, as a file of recorded outputs has it.
type Recorded struct {
	Candidate string // its name: what the file says, or the file's name without its ending
	Model     string // the provider's name for the model, where the file tells it
	Recording *Recording
}

// RecordFormat is a kind of file of recorded outputs.
type RecordFormat string

// The formats, which docs/formats/dataset.md describes.
const (
	RecordJSONL     RecordFormat = "jsonl"     // one output a line, as WriteRecording writes them
	RecordCSV       RecordFormat = "csv"       // a table with a header
	RecordPromptfoo RecordFormat = "promptfoo" // JSON of `promptfoo eval -o results.json`
)

// RecordFormatOf tells a file's format from the ending of its name; ok is false
// for a name that is not one of a file of recorded outputs.
func RecordFormatOf(path string) (f RecordFormat, ok bool) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jsonl":
		return RecordJSONL, true
	case ".csv":
		return RecordCSV, true
	case ".json":
		return RecordPromptfoo, true
	}
	return "", false
}

// maxRecordFile is how much of a file that must be held as a whole is read, in bytes.
const maxRecordFile = 1 << 30

// OpenRecorded reads a file of recorded outputs of one or more candidates. items
// are those of the dataset that the outputs belong to.
func OpenRecorded(path string, items []dataset.Item) ([]Recorded, error) {
	format, ok := RecordFormatOf(path)
	if !ok {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("%s is of no known format of recorded outputs", path), Hint: "name a .jsonl, .csv or .json (promptfoo) file"}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no file %q", path), Hint: "name a file of recorded outputs, or a run of `stylesprint eval list`"}
	}
	if err != nil {
		return nil, fmt.Errorf("read recorded outputs: %w", err)
	}
	defer f.Close()
	return ReadRecorded(f, path, format, items)
}

// ReadRecorded reads recorded outputs; candidates come in the order of the file. name is
// the file's, for faults and for a candidate that the file does not name.
func ReadRecorded(r io.Reader, name string, format RecordFormat, items []dataset.Item) ([]Recorded, error) {
	b := recorder{file: name}
	var err error
	switch format {
	case RecordJSONL:
		for row, lineErr := range recordLines(r, name, 0, io.Discard) {
			if err = lineErr; err == nil {
				err = b.add(row, "")
			}
			if err != nil {
				break
			}
		}
	case RecordCSV:
		err = readRecordCSV(&b, r)
	case RecordPromptfoo:
		err = readPromptfoo(&b, r, items)
	default:
		err = &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("unknown format %q of recorded outputs", format)}
	}
	if err != nil {
		return nil, err
	}
	return b.recorded()
}

// recorder gathers recorded outputs by candidate.
type recorder struct {
	file string
	list []Recorded
	at   map[string]int
}

// add takes in one output. model may be empty.
func (b *recorder) add(row recordRow, model string) error {
	name := row.candidate
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(b.file), filepath.Ext(b.file))
	}
	if b.at == nil {
		b.at = map[string]int{}
	}
	i, ok := b.at[name]
	if !ok {
		i = len(b.list)
		b.at[name] = i
		b.list = append(b.list, Recorded{Candidate: name, Model: model, Recording: newRecording(b.file)})
	}
	return b.list[i].Recording.add(row.Output, row.place)
}

// nextRepeat is the number of outputs that a candidate has of an item already.
func (b *recorder) nextRepeat(candidate, item string) int {
	i, ok := b.at[candidate]
	if !ok {
		return 0
	}
	n := 0
	for ; n < maxRepeat; n++ {
		if _, taken := b.list[i].Recording.outputs[recordKey{item, n}]; !taken {
			break
		}
	}
	return n
}

func (b *recorder) recorded() ([]Recorded, error) {
	if len(b.list) == 0 {
		return nil, noRecords(b.file)
	}
	for _, r := range b.list {
		sum, err := r.Recording.digest()
		if err != nil {
			return nil, err
		}
		r.Recording.sum = sum
	}
	return b.list, nil
}

// digest is a hash of what is recorded, in the order of items and repeats.
func (r *Recording) digest() (string, error) {
	keys := make([]recordKey, 0, len(r.outputs))
	for key := range r.outputs {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b recordKey) int {
		return cmp.Or(strings.Compare(a.item, b.item), cmp.Compare(a.repeat, b.repeat))
	})
	h := sha256.New()
	e := json.NewEncoder(h)
	for _, key := range keys {
		o := r.outputs[key]
		o.Scores = nil
		if err := e.Encode(o); err != nil {
			return "", fmt.Errorf("read %s: %w", r.name, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
