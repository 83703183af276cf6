package evaluate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

// Recording holds answers that were given before, by item and repeat. It may be
// replayed by several runs at once.
type Recording struct {
	name    string
	sum     string
	outputs map[recordKey]Output
}

// ReportedLatency is the key, among an output's scores, of the seconds that a record
// says the answer took. Nobody here waited for it: it is shown as reported and
// never mixed with measured latencies.
const ReportedLatency = "reported-latency"

type recordKey struct {
	item   string
	repeat int
}

// ReadRecording reads answers as JSONL: one Output a line, of which item_id and
// either text or error are required. "id" may stand for item_id; other keys are
// left out of account, among them the candidate: see ReadRecorded for files of
// several. name is for faults; maxLine as in dataset.Lines.
func ReadRecording(r io.Reader, name string, maxLine int) (*Recording, error) {
	rec := newRecording(name)
	hash := sha256.New()
	for row, err := range recordLines(r, name, maxLine, hash) {
		if err != nil {
			return nil, err
		}
		if err := rec.add(row.Output, row.place); err != nil {
			return nil, err
		}
	}
	if len(rec.outputs) == 0 {
		return nil, noRecords(name)
	}
	rec.sum = hex.EncodeToString(hash.Sum(nil))
	return rec, nil
}

func noRecords(name string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: name + " holds no recorded outputs", Hint: recordHint}
}

func newRecording(name string) *Recording {
	return &Recording{name: name, outputs: map[recordKey]Output{}}
}

// recordRow is one recorded output, and where it stands.
type recordRow struct {
	Output
	candidate string
	place     string // "line 3", "results.results[2]"
	text      []byte // the line of JSONL that it was read from
}

// recordLines reads JSONL; what it takes in is written to hash.
func recordLines(r io.Reader, name string, maxLine int, hash io.Writer) iter.Seq2[recordRow, error] {
	return func(yield func(recordRow, error) bool) {
		n := 0
		for line, err := range dataset.Lines(r, name, maxLine) {
			n++
			text := bytes.TrimSpace([]byte(line))
			if err == nil && len(text) == 0 {
				continue
			}
			var row recordRow
			if err == nil {
				_, _ = hash.Write(append(text, '\n'))
				row, err = recordLine(text, name, n)
				row.text = text
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// recordLine reads one line of JSONL.
func recordLine(text []byte, name string, n int) (recordRow, error) {
	place := fmt.Sprintf("line %d", n)
	var row struct {
		Output
		ID        string   `json:"id"`
		Said      *string  `json:"text"`
		Fault     string   `json:"error"`
		Candidate string   `json:"candidate"`
		Millis    *float64 `json:"latency_ms"`
	}
	if err := json.Unmarshal(text, &row); err != nil {
		return recordRow{}, recordFault(name, place, "is not a recorded output: "+err.Error())
	}
	row.ItemID = cmp.Or(row.ItemID, row.ID)
	if row.Said != nil {
		row.Text = *row.Said
	}
	row.Error = row.Fault
	if row.Said == nil && row.Error == "" {
		return recordRow{}, recordFault(name, place, "has neither text nor error")
	}
	if row.Millis != nil {
		latency, err := millis(*row.Millis)
		if err != nil {
			return recordRow{}, recordFault(name, place, "field latency_ms: "+err.Error())
		}
		row.Latency = latency
	}
	return recordRow{Output: row.Output, candidate: row.Candidate, place: place}, nil
}

// add checks a recorded output and takes it in.
func (r *Recording) add(o Output, place string) error {
	key := recordKey{o.ItemID, o.Repeat}
	if err := checkRecorded(o, r.name, place); err != nil {
		return err
	}
	if _, twice := r.outputs[key]; twice {
		return recordFault(r.name, place, fmt.Sprintf("item %q, repeat %d is recorded twice", o.ItemID, o.Repeat))
	}
	if o.Error != "" && o.Code == "" {
		o.Code = stylesprint.CodeInternal
	}
	r.outputs[key] = o
	return nil
}

// checkRecorded refuses an output that no call can have had.
func checkRecorded(o Output, name, place string) error {
	u := o.Usage
	switch {
	case o.ItemID == "":
		return recordFault(name, place, "field item_id is missing")
	case o.Repeat < 0:
		return recordFault(name, place, "field repeat is negative")
	case o.Repeat >= maxRepeat:
		return recordFault(name, place, fmt.Sprintf("field repeat is %d: want less than %d", o.Repeat, maxRepeat))
	case u.PromptTokens < 0 || u.CompletionTokens < 0 || u.CachedTokens < 0:
		return recordFault(name, place, "a number of tokens is negative")
	case o.Cost < 0:
		return recordFault(name, place, "the cost is negative")
	case o.Latency < 0:
		return recordFault(name, place, "the latency is negative")
	}
	return nil
}

// maxRepeat bounds the outputs of an item, each of which a run keeps a place for.
const maxRepeat = 1000

// millis is a duration of so many milliseconds.
func millis(v float64) (time.Duration, error) {
	if !(v >= 0 && v <= 1e11) {
		return 0, fmt.Errorf("want milliseconds from 0 to 1e11, got %v", v)
	}
	return time.Duration(v * float64(time.Millisecond)), nil
}

const recordHint = "see docs/formats/dataset.md for recorded outputs"

func recordFault(name, place, message string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("%s, %s: %s", name, place, message), Hint: recordHint}
}

// Len is the number of recorded outputs.
func (r *Recording) Len() int { return len(r.outputs) }

// Repeat is the number of outputs that the record has for an item, at most.
func (r *Recording) Repeat() int {
	n := 0
	for key := range r.outputs {
		n = max(n, key.repeat+1)
	}
	return n
}

// hash and find take a nil record as an empty one.
func (r *Recording) hash() string {
	if r == nil {
		return ""
	}
	return r.sum
}

func (r *Recording) find(item string, repeat int) (Output, bool) {
	if r == nil {
		return Output{}, false
	}
	o, ok := r.outputs[recordKey{item, repeat}]
	return o, ok
}

func (r *Recording) has(item string, repeat int) bool {
	_, ok := r.find(item, repeat)
	return ok
}

// check refuses a record of other items, whose answers would be dropped in silence.
func (r *Recording) check(d dataset.Dataset) error {
	if r == nil {
		return nil
	}
	known := make(map[string]bool, len(d.Items))
	for _, item := range d.Items {
		known[item.ID] = true
	}
	strange, first := 0, ""
	for key := range r.outputs {
		if !known[key.item] {
			strange++
			if first == "" || key.item < first {
				first = key.item
			}
		}
	}
	if strange == 0 {
		return nil
	}
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "recorded",
		Message: fmt.Sprintf("%s records %d outputs of items that dataset %s does not have, such as %q", r.name, strange, d.Name, first),
		Hint:    "give the dataset that the outputs were recorded with"}
}

// WriteRecording writes the finished outputs of a run as lines that ReadRecording reads.
func WriteRecording(ctx context.Context, w io.Writer, store Store, runID string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	err := store.Outputs(ctx, runID, func(o Output) error {
		if o.Finished.IsZero() {
			return nil
		}
		return e.Encode(o)
	})
	if err != nil {
		return fmt.Errorf("record run %s: %w", runID, err)
	}
	return nil
}
