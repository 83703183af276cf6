package export

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"stylesprint"
	"stylesprint/evaluate/compare"
)

// columns of a CSV file, one row for each candidate and metric. They are stable:
// new ones are added at the end.
func columns() []string {
	return []string{"dataset", "dataset_hash", "split", "items", "families", "candidate", "run", "role", "metric", "title", "unit", "direction",
		"value", "low", "high", "level", "n", "missing", "signature",
		"baseline", "delta", "delta_low", "delta_high", "p", "p_adjusted", "p_bootstrap", "verdict", "non_inferior", "margin", "detectable", "more_items", "slice", "slice_value"}
}

// CSV writes a row for each candidate and metric, and for each figure of cost and
// speed, with its difference from the baseline where it has one; then the same for
// every slice that has figures, with its key and value in the last two cells.
// Cells without a value are empty. A text that a spreadsheet would take for a
// formula gets an apostrophe before it (OWASP, CSV injection).
func CSV(w io.Writer, c compare.Comparison) error {
	rows := [][]string{columns()}
	for i := range c.Candidates {
		rows = append(rows, candidateRows(c, i)...)
	}
	for _, by := range c.Slices {
		for _, s := range by.Slices {
			rows = append(rows, sliceRows(c, by.Key, s)...)
		}
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func candidateRows(c compare.Comparison, i int) [][]string {
	k := c.Candidates[i]
	var rows [][]string
	for m := range min(len(k.Scores), len(c.Metrics)) {
		row := append(head(c, i, c.Items, c.Families), metricCells(c.Metrics[m], k.Scores[m])...)
		rows = append(rows, append(append(row, difference(c, k.Differences, m)...), "", ""))
	}
	for _, f := range k.Operation.Figures() {
		row := append(head(c, i, c.Items, c.Families), text(f.Name), text(f.Title), text(f.Score.Unit), text(string(f.Direction)))
		row = append(append(row, figure(f.Score)...), text(f.Score.Signature), text(c.Baseline))
		rows = append(rows, append(row, make([]string, len(columns())-len(row))...))
	}
	return rows
}

func sliceRows(c compare.Comparison, key string, s compare.Slice) [][]string {
	var rows [][]string
	for i := range min(len(s.Candidates), len(c.Candidates)) {
		k := s.Candidates[i]
		for m := range min(len(k.Scores), len(c.Metrics)) {
			row := append(head(c, i, s.Items, s.Families), metricCells(c.Metrics[m], k.Scores[m])...)
			rows = append(rows, append(append(row, difference(c, k.Differences, m)...), text(key), text(s.Value)))
		}
	}
	return rows
}

func metricCells(m compare.Metric, s stylesprint.Score) []string {
	return append(append([]string{text(m.Name), text(m.Title), text(m.Unit), text(string(m.Direction))}, figure(s)...), text(m.Signature))
}

func head(c compare.Comparison, i, items, families int) []string {
	k, role := c.Candidates[i], "challenger"
	if k.Name == c.Baseline {
		role = "baseline"
	}
	return []string{text(c.Dataset), text(c.DatasetHash), text(c.Split), strconv.Itoa(items), strconv.Itoa(families), text(k.Name), text(k.Run.ID), role}
}

// figure is value, low, high, level, n and missing.
func figure(s stylesprint.Score) []string {
	if s.Missing != "" {
		return []string{"", "", "", "", strconv.Itoa(s.N), text(s.Missing)}
	}
	low, high, level := "", "", ""
	if s.Level > 0 {
		low, high, level = number(s.Low), number(s.High), number(s.Level)
	}
	return []string{number(s.Value), low, high, level, strconv.Itoa(s.N), ""}
}

func difference(c compare.Comparison, differences []compare.Difference, i int) []string {
	if i >= len(differences) {
		return append([]string{text(c.Baseline)}, make([]string, 11)...)
	}
	d, m := differences[i], c.Metrics[i]
	judged, margin := "", ""
	if m.Direction != compare.DirectionNone {
		judged, margin = strconv.FormatBool(d.NonInferior), number(m.Margin)
	}
	return []string{text(c.Baseline), number(d.Delta), number(d.Low), number(d.High), number(d.P), number(d.PAdjusted), number(d.PBootstrap), text(string(d.Verdict)),
		judged, margin, number(d.Detectable), strconv.Itoa(d.MoreItems)}
}

// number prints a value so that it is read back to the last bit; nothing for
// one that is not finite.
func number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// text makes a cell harmless: no control characters, and no formula.
func text(s string) string {
	s = printable(s)
	if s != "" && strings.ContainsRune("=+-@|%＝＋－＠", first(s)) {
		return "'" + s
	}
	return s
}

// printable puts a space in place of control characters and of the marks that turn
// the direction of writing.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029:
			return ' '
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// first is the first rune of s.
func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
