package evaluate

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"stylesprint"
)

// recordColumns are the columns of a table of recorded outputs; the ones of a line
// stand for one another.
func recordColumns() [][]string {
	return [][]string{
		{"item_id", "id"}, {"text", "output"}, {"candidate", "provider"}, {"repeat"}, {"error"}, {"finish_reason"},
		{"prompt_tokens"}, {"completion_tokens"}, {"cached_tokens"}, {"latency_ms"}, {"cost"},
	}
}

// readRecordCSV reads a table of recorded outputs. A column that is not known is a
// fault, so that a misspelt one is not lost in silence.
func readRecordCSV(b *recorder, r io.Reader) error {
	br := bufio.NewReader(io.LimitReader(r, maxRecordFile))
	if mark, err := br.Peek(3); err == nil && bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = br.Discard(3)
	}
	rows := csv.NewReader(br)
	rows.FieldsPerRecord = -1
	var columns map[string]int
	for {
		record, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			var parse *csv.ParseError
			if errors.As(err, &parse) {
				return recordFault(b.file, fmt.Sprintf("line %d", parse.Line), parse.Err.Error())
			}
			return fmt.Errorf("read %s: %w", b.file, err)
		}
		line, _ := rows.FieldPos(0)
		place := fmt.Sprintf("line %d", line)
		if columns == nil {
			if columns, err = recordHeader(b.file, place, record); err != nil {
				return err
			}
			continue
		}
		if err := csvRow(b, place, columns, record); err != nil {
			return err
		}
	}
}

// recordHeader finds the columns by their first names.
func recordHeader(file, place string, names []string) (map[string]int, error) {
	out := map[string]int{}
	for i, name := range names {
		name = strings.TrimSpace(name)
		at := slices.IndexFunc(recordColumns(), func(c []string) bool { return slices.Contains(c, name) })
		if at < 0 {
			var known []string
			for _, c := range recordColumns() {
				known = append(known, strings.Join(c, " or "))
			}
			return nil, recordFault(file, place, fmt.Sprintf("column %q is unknown; want some of %s", name, strings.Join(known, ", ")))
		}
		name = recordColumns()[at][0]
		if _, twice := out[name]; twice {
			return nil, recordFault(file, place, fmt.Sprintf("column %s is there twice", name))
		}
		out[name] = i
	}
	if _, ok := out["item_id"]; !ok {
		return nil, recordFault(file, place, "there is no column item_id (or id)")
	}
	if _, ok := out["text"]; !ok {
		return nil, recordFault(file, place, "there is no column text (or output)")
	}
	out[""] = len(names)
	return out, nil
}

// csvRow makes a recorded output of one record. An empty text is one, where no error is given.
func csvRow(b *recorder, place string, columns map[string]int, record []string) error {
	if len(record) != columns[""] {
		return recordFault(b.file, place, fmt.Sprintf("has %d cells and the header has %d", len(record), columns[""]))
	}
	if !utf8.ValidString(strings.Join(record, "")) {
		return recordFault(b.file, place, "is not UTF-8 text; convert the file")
	}
	cell := func(name string) string {
		if i, ok := columns[name]; ok {
			return record[i]
		}
		return ""
	}
	var fault error
	number := func(name string, whole bool) float64 {
		text := strings.TrimSpace(cell(name))
		if text == "" || fault != nil {
			return 0
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= 0 && v <= 1e11) || whole && v != math.Trunc(v) {
			want := "a number of 0 or more"
			if whole {
				want = "a whole number of 0 or more"
			}
			fault = recordFault(b.file, place, fmt.Sprintf("column %s: want %s, got %q", name, want, text))
			return 0
		}
		return v
	}
	row := recordRow{candidate: strings.TrimSpace(cell("candidate")), place: place}
	o := &row.Output
	o.ItemID, o.Text, o.Error = strings.TrimSpace(cell("item_id")), cell("text"), strings.TrimSpace(cell("error"))
	o.FinishReason = stylesprint.FinishReason(strings.TrimSpace(cell("finish_reason")))
	o.Repeat = int(number("repeat", true))
	o.Usage = stylesprint.Usage{PromptTokens: int(number("prompt_tokens", true)), CompletionTokens: int(number("completion_tokens", true)), CachedTokens: int(number("cached_tokens", true))}
	cost := number("cost", false)
	latency, err := millis(number("latency_ms", false))
	switch {
	case fault != nil:
		return fault
	case cost > 9e9:
		return recordFault(b.file, place, fmt.Sprintf("column cost: want at most 9e9, got %v", cost))
	case err != nil:
		return recordFault(b.file, place, "column latency_ms: "+err.Error())
	}
	o.Cost, o.Latency = stylesprint.MoneyOf(cost), latency
	return b.add(row, "")
}
