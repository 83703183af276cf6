package evaluate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

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
// left out of account. name is for faults; maxLine as in dataset.Lines.
func ReadRecording(r io.Reader, name string, maxLine int) (*Recording, error) {
	rec := &Recording{name: name, outputs: map[recordKey]Output{}}
	hash := sha256.New()
	n := 0
	for line, err := range dataset.Lines(r, name, maxLine) {
		n++
		if err != nil {
			return nil, err
		}
		text := bytes.TrimSpace([]byte(line))
		if len(text) == 0 {
			continue
		}
		hash.Write(text)
		hash.Write([]byte("\n"))
		var row struct {
			Output
			ID    string  `json:"id"`
			Said  *string `json:"text"`
			Fault string  `json:"error"`
		}
		if err := json.Unmarshal(text, &row); err != nil {
			return nil, recordFault(name, n, "is not a recorded output: "+err.Error())
		}
		if row.ItemID == "" {
			row.ItemID = row.ID
		}
		if row.Said != nil {
			row.Text = *row.Said
		}
		row.Error = row.Fault
		key := recordKey{row.ItemID, row.Repeat}
		_, twice := rec.outputs[key]
		switch {
		case row.ItemID == "":
			return nil, recordFault(name, n, "field item_id is missing")
		case row.Said == nil && row.Error == "":
			return nil, recordFault(name, n, "has neither text nor error")
		case row.Repeat < 0:
			return nil, recordFault(name, n, "field repeat is negative")
		case twice:
			return nil, recordFault(name, n, fmt.Sprintf("item %q, repeat %d is recorded twice", row.ItemID, row.Repeat))
		case row.Error != "" && row.Code == "":
			row.Code = stylesprint.CodeInternal
		}
		rec.outputs[key] = row.Output
	}
	if len(rec.outputs) == 0 {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: name + " holds no recorded outputs"}
	}
	rec.sum = hex.EncodeToString(hash.Sum(nil))
	return rec, nil
}

func recordFault(name string, line int, message string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("%s, line %d: %s", name, line, message),
		Hint: "see docs/formats/dataset.md for recorded outputs"}
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
