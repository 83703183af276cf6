package classification

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"stylesprint/evaluate/dataset"
)

// parseLabels reads one line of a file of labels; why says what is wrong.
func parseLabels(line string, isJSON, many bool) (names []string, why string) {
	if isJSON {
		return parseJSONLabels(line, many)
	}
	if !many {
		name := strings.TrimSpace(line)
		if name == "" {
			return nil, "is empty; every item has a label"
		}
		return []string{name}, ""
	}
	if strings.TrimSpace(line) == "" {
		return nil, ""
	}
	for part := range strings.SplitSeq(line, ",") {
		name := strings.TrimSpace(part)
		if name == "" {
			return nil, "has an empty label between commas"
		}
		names = append(names, name)
	}
	return names, ""
}

func parseJSONLabels(line string, many bool) (names []string, why string) {
	v, err := decode(line)
	if err != nil {
		return nil, "is not JSON: " + err.Error()
	}
	list, isList := v.([]any)
	switch {
	case isList && !many:
		return nil, "holds a list of labels; say --multilabel if an item may have several"
	case !isList && many:
		return nil, "holds no list of labels; with --multilabel every line is a list"
	case !isList:
		list = []any{v}
	}
	for _, x := range list {
		name, ok := scalar(x)
		if !ok {
			return nil, "holds a label that is neither a text, a number nor true or false"
		}
		names = append(names, name)
	}
	return names, ""
}

// decode reads one JSON value, numbers as they are written.
func decode(line string) (any, error) {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("text after the value")
	}
	return v, nil
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		v = strings.TrimSpace(v)
		return v, v != ""
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// scoreTable is a file of scores as it stands.
type scoreTable struct {
	header         []string // names of columns; empty: one column without a name
	width, rows    int
	data           []float64
	notProbability string
}

// sumsToOne allows for rounding: a row may add up to 1 within scikit-learn's tolerance
// (numpy.allclose).
func sumsToOne(sum float64) bool { return math.Abs(1-sum) <= 1e-8+1e-5*math.Abs(sum) }

// scores reads a file of scores. exclusive: an item has one class, so that the
// probabilities of its classes add up to 1.
func (r *reader) scores(s Source, exclusive bool) (scoreTable, error) {
	var t scoreTable
	line := 0
	for text, err := range dataset.Lines(s.Reader, s.Name, 0) {
		if err != nil {
			return t, err
		}
		line++
		var row []float64
		var why string
		if s.isJSON() {
			row, why = t.parseJSON(text, line)
		} else {
			row, why = t.parseText(text, line)
		}
		if why == "" && row == nil {
			continue // the header
		}
		t.rows++
		if why == "" {
			why = t.check(row, s.Name, line, exclusive)
		}
		if why != "" {
			r.faults.add(s.Name, line, "%s", why)
			continue
		}
		t.data = append(t.data, row...)
	}
	return t, nil
}

// parseText reads a row of cells, or the header, for which row is nil.
func (t *scoreTable) parseText(text string, line int) (row []float64, why string) {
	separator := ","
	if strings.Contains(text, "\t") {
		separator = "\t"
	}
	cells := strings.Split(text, separator)
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if line == 1 {
		t.width = len(cells)
		_, err := strconv.ParseFloat(cells[0], 64)
		if len(cells) > 1 || err != nil && cells[0] != "" {
			return nil, t.setHeader(cells)
		}
	}
	if len(cells) != t.width {
		return nil, fmt.Sprintf("has %d columns and the first line %d", len(cells), t.width)
	}
	for i, c := range cells {
		v, err := strconv.ParseFloat(c, 64)
		if err != nil {
			return nil, fmt.Sprintf("column %d: %q is not a number", i+1, shorten(c))
		}
		row = append(row, v)
	}
	return row, ""
}

func (t *scoreTable) setHeader(cells []string) string {
	for i, c := range cells {
		if c == "" {
			return fmt.Sprintf("column %d has no name; the first line names the classes", i+1)
		}
		if slices.Contains(cells[:i], c) {
			return fmt.Sprintf("names class %q twice; the first line names the classes", shorten(c))
		}
	}
	t.header = cells
	return ""
}

// parseJSON reads a number, or an object from classes to numbers.
func (t *scoreTable) parseJSON(text string, line int) (row []float64, why string) {
	v, err := decode(text)
	if err != nil {
		return nil, "is not JSON: " + err.Error()
	}
	object, isObject := v.(map[string]any)
	if line == 1 {
		t.width = 1
		if isObject {
			t.header = slices.Sorted(func(yield func(string) bool) {
				for k := range object {
					if !yield(k) {
						return
					}
				}
			})
			t.width = len(object)
		}
	}
	if !isObject && len(t.header) == 0 {
		number, ok := v.(json.Number)
		if !ok {
			return nil, "is neither a number nor an object with a number for each class"
		}
		f, err := number.Float64()
		if err != nil {
			return nil, fmt.Sprintf("%s is not a number that can be held", shorten(number.String()))
		}
		return []float64{f}, ""
	}
	if len(object) != len(t.header) || len(object) == 0 {
		return nil, fmt.Sprintf("has %d classes and the first line %d", len(object), len(t.header))
	}
	for _, name := range t.header {
		number, ok := object[name].(json.Number)
		f, err := number.Float64()
		if !ok || err != nil {
			return nil, fmt.Sprintf("has no number for class %q", shorten(name))
		}
		row = append(row, f)
	}
	return row, ""
}

func (t *scoreTable) check(row []float64, file string, line int, exclusive bool) string {
	sum := 0.0
	for i, v := range row {
		at := ""
		if len(t.header) > 1 {
			at = fmt.Sprintf("class %q: ", shorten(t.header[i]))
		}
		switch {
		case math.IsNaN(v):
			return at + "the score is NaN"
		case math.IsInf(v, 0):
			return at + "the score is infinite"
		case v < 0 || v > 1:
			if exclusive && len(row) > 1 {
				return fmt.Sprintf("%s%v is not a probability", at, v)
			}
			if t.notProbability == "" {
				t.notProbability = fmt.Sprintf("%s, line %d: %s%v is outside 0 to 1", file, line, at, v)
			}
		}
		sum += v
	}
	if exclusive && len(row) > 1 && !sumsToOne(sum) {
		return fmt.Sprintf("the probabilities add up to %v, not 1", math.Round(sum*1e6)/1e6)
	}
	return ""
}

// shorten cuts a text for a message.
func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
