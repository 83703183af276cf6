package evaluate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

// promptfooRow is the part of a promptfoo result that is read (EvaluateResult in its
// src/types/index.ts). A key of another type is a fault.
type promptfooRow struct {
	Provider json.RawMessage `json:"provider"` // an id, or an object of id and label
	Prompt   struct {
		Raw   string `json:"raw"`
		Label string `json:"label"`
	} `json:"prompt"`
	Vars        map[string]json.RawMessage `json:"vars"`
	Description string                     `json:"description"`
	TestCase    struct {
		Description string                     `json:"description"`
		Vars        map[string]json.RawMessage `json:"vars"`
		Metadata    map[string]json.RawMessage `json:"metadata"`
	} `json:"testCase"`
	Response *struct {
		Output       json.RawMessage `json:"output"`
		Error        string          `json:"error"`
		Cached       bool            `json:"cached"`
		Cost         *float64        `json:"cost"`
		FinishReason string          `json:"finishReason"`
		TokenUsage   *promptfooUsage `json:"tokenUsage"`
	} `json:"response"`
	Error         *string         `json:"error"`
	FailureReason int             `json:"failureReason"` // 2: the call failed; 1: an assertion did
	LatencyMS     float64         `json:"latencyMs"`
	Cost          *float64        `json:"cost"`
	TokenUsage    *promptfooUsage `json:"tokenUsage"`
}

type promptfooUsage struct {
	Prompt     float64 `json:"prompt"`
	Completion float64 `json:"completion"`
}

const promptfooCallFailed = 2

// readPromptfoo reads the JSON that `promptfoo eval -o results.json` writes: its
// results lie in results.results, or in results where only the summary was kept.
func readPromptfoo(b *recorder, r io.Reader, items []dataset.Item) error {
	text, err := io.ReadAll(io.LimitReader(r, maxRecordFile+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", b.file, err)
	}
	if len(text) > maxRecordFile {
		return recordFault(b.file, "line 1", fmt.Sprintf("the file has more than %d bytes", maxRecordFile))
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		return recordFault(b.file, "line 1", "is not UTF-8 text; convert the file")
	}
	var whole struct {
		Results json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return recordFault(b.file, jsonPlace(text, err), "is not promptfoo's JSON: "+err.Error())
	}
	rows, path, err := promptfooRows(b.file, whole.Results)
	if err != nil {
		return err
	}
	parsed := make([]promptfooRow, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal(row, &parsed[i]); err != nil {
			return recordFault(b.file, fmt.Sprintf("%s[%d]", path, i), "is not a promptfoo result: "+err.Error())
		}
	}
	find := newItemFinder(items)
	names := promptfooNames{prompts: map[string][]string{}}
	for i := range parsed {
		if err := names.see(&parsed[i]); err != nil {
			return recordFault(b.file, fmt.Sprintf("%s[%d].provider", path, i), err.Error())
		}
	}
	for i := range parsed {
		place := fmt.Sprintf("%s[%d]", path, i)
		if err := promptfooOutput(b, &parsed[i], place, names, find); err != nil {
			return err
		}
	}
	return nil
}

// promptfooRows finds the list of results and its path.
func promptfooRows(file string, results json.RawMessage) (rows []json.RawMessage, path string, err error) {
	if json.Unmarshal(results, &rows) == nil && rows != nil {
		return rows, "results", nil
	}
	var summary struct {
		Results []json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(results, &summary); err != nil || summary.Results == nil {
		return nil, "", recordFault(file, "results.results", "there is no list of results; want the file that `promptfoo eval -o results.json` writes")
	}
	return summary.Results, "results.results", nil
}

// jsonPlace is the line of a fault in JSON.
func jsonPlace(text []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := int64(0)
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	return fmt.Sprintf("line %d", 1+bytes.Count(text[:min(int64(len(text)), max(0, at))], []byte("\n")))
}

// promptfooNames names candidates: a provider, and the prompt where it has several.
type promptfooNames struct{ prompts map[string][]string }

// provider returns the label, or the id where there is none, and the id.
func (row *promptfooRow) provider() (name, id string, err error) {
	if json.Unmarshal(row.Provider, &id) == nil && id != "" {
		return id, id, nil
	}
	var p struct{ ID, Label string }
	if len(row.Provider) == 0 || json.Unmarshal(row.Provider, &p) != nil || p.ID == "" && p.Label == "" {
		return "", "", errors.New("want an id, or an object with id and label")
	}
	return cmp.Or(p.Label, p.ID), cmp.Or(p.ID, p.Label), nil
}

func (n promptfooNames) see(row *promptfooRow) error {
	name, _, err := row.provider()
	if err == nil && !slices.Contains(n.prompts[name], row.Prompt.Raw) {
		n.prompts[name] = append(n.prompts[name], row.Prompt.Raw)
	}
	return err
}

// maxPromptLabel is the longest label of a prompt that becomes part of a name:
// without one of its own, promptfoo takes the prompt's text.
const maxPromptLabel = 40

func (n promptfooNames) candidate(row *promptfooRow) (name, model string) {
	name, model, _ = row.provider()
	prompts := n.prompts[name]
	if len(prompts) < 2 {
		return name, model
	}
	label := row.Prompt.Label
	if label == "" || len(label) > maxPromptLabel || strings.Contains(label, "\n") {
		label = fmt.Sprintf("prompt %d", slices.Index(prompts, row.Prompt.Raw)+1)
	}
	return name + ", " + label, model
}

// promptfooOutput takes in one result. A result whose assertion failed is an output
// like any other; its error is the assertion's and not the call's.
func promptfooOutput(b *recorder, row *promptfooRow, place string, names promptfooNames, find *itemFinder) error {
	candidate, model := names.candidate(row)
	item, err := find.item(row)
	if err != nil {
		return recordFault(b.file, place, err.Error())
	}
	out := recordRow{candidate: candidate, place: place}
	o := &out.Output
	o.ItemID, o.Repeat = item, b.nextRepeat(candidate, item)
	usage, cost := row.TokenUsage, row.Cost
	if r := row.Response; r != nil {
		if r.TokenUsage != nil {
			usage = r.TokenUsage
		}
		if cost == nil {
			cost = r.Cost
		}
		o.FinishReason, o.Error = stylesprint.FinishReason(r.FinishReason), r.Error
		if o.Text, err = outputText(r.Output); err != nil {
			return recordFault(b.file, place+".response.output", err.Error())
		}
		if !r.Cached { // promptfoo's cache was not waited for
			if o.Latency, err = millis(row.LatencyMS); err != nil {
				return recordFault(b.file, place+".latencyMs", err.Error())
			}
		}
	}
	if o.Error == "" && (row.Response == nil || row.FailureReason == promptfooCallFailed || isNull(row.Response.Output)) {
		o.Error = "the result holds no output"
		if row.Error != nil && *row.Error != "" {
			o.Error = *row.Error
		}
	}
	if usage != nil {
		if !(usage.Prompt >= 0 && usage.Prompt <= 1e11 && usage.Completion >= 0 && usage.Completion <= 1e11) {
			return recordFault(b.file, place+".tokenUsage", "want numbers of tokens of 0 or more")
		}
		o.Usage = stylesprint.Usage{PromptTokens: int(usage.Prompt), CompletionTokens: int(usage.Completion)}
	}
	if cost != nil {
		if !(*cost >= 0 && *cost <= 9e9) {
			return recordFault(b.file, place+".cost", fmt.Sprintf("want an amount of 0 or more, got %v", *cost))
		}
		o.Cost = stylesprint.MoneyOf(*cost)
	}
	return b.add(out, model)
}

func isNull(v json.RawMessage) bool {
	v = bytes.TrimSpace(v)
	return len(v) == 0 || bytes.Equal(v, []byte("null"))
}

// outputText is an output as text: other JSON than a string stays JSON.
func outputText(v json.RawMessage) (string, error) {
	if isNull(v) {
		return "", nil
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, v); err != nil {
		return "", err
	}
	return compact.String(), nil
}

// itemFinder finds the item that a promptfoo result belongs to.
type itemFinder struct {
	items  []dataset.Item
	ids    map[string]bool
	fields map[string]bool // names that any item has a field of
}

func newItemFinder(items []dataset.Item) *itemFinder {
	f := &itemFinder{items: items, ids: make(map[string]bool, len(items)), fields: map[string]bool{}}
	for _, item := range items {
		f.ids[item.ID] = true
		for name := range item.Fields {
			f.fields[name] = true
		}
	}
	return f
}

// item tries, in this order: the variables item_id and id, the test's metadata of
// these names, its description, and the one item whose fields the variables equal.
func (f *itemFinder) item(row *promptfooRow) (string, error) {
	vars := row.Vars
	if len(vars) == 0 {
		vars = row.TestCase.Vars
	}
	for _, source := range []struct {
		what   string
		values map[string]json.RawMessage
	}{{"vars", vars}, {"testCase.metadata", row.TestCase.Metadata}} {
		for _, key := range []string{"item_id", "id"} {
			id := scalarText(source.values[key])
			if id == "" {
				continue
			}
			if !f.ids[id] {
				return "", fmt.Errorf("%s.%s is %q, which the dataset does not have", source.what, key, id)
			}
			return id, nil
		}
	}
	for _, text := range []string{row.TestCase.Description, row.Description} {
		if f.ids[text] {
			return text, nil
		}
	}
	return f.byFields(vars)
}

// byFields finds the one item whose fields equal the variables of the same names.
func (f *itemFinder) byFields(vars map[string]json.RawMessage) (string, error) {
	want := map[string]string{}
	for name, value := range vars {
		if f.fields[name] {
			want[name] = scalarText(value)
		}
	}
	found := ""
	for _, item := range f.items {
		equal := len(want) > 0
		for name, value := range want {
			equal = equal && item.Fields[name] == value
		}
		switch {
		case !equal:
		case found != "":
			return "", fmt.Errorf("its vars fit items %q and %q alike; give each test a variable item_id", found, item.ID)
		default:
			found = item.ID
		}
	}
	if found == "" {
		return "", errors.New("belongs to no item of the dataset: it has no variable item_id or id, its description is no id, and no item has the fields of its vars")
	}
	return found, nil
}

// scalarText is a JSON text or number as text; "" for anything else.
func scalarText(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(v, &n) == nil {
		return n.String()
	}
	return ""
}
