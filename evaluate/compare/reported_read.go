package compare

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"stylesprint"
)

// maxReported bounds a file of reported figures, in bytes: they are a table in an article.
const maxReported = 1 << 20

// ReadReported reads a file of reported figures: .json, .yaml, .yml or .csv by the
// ending of name. docs/formats/reported.md describes it. Faults are *stylesprint.Error
// values that name the file and the line or the path.
func ReadReported(r io.Reader, name string) (Reported, error) {
	out := Reported{File: filepath.Base(name)}
	text, err := io.ReadAll(io.LimitReader(r, maxReported+1))
	if err != nil {
		return out, fmt.Errorf("read %s: %w", name, err)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(text) > maxReported:
		return out, out.fault("", "has more than %d bytes", maxReported)
	case !utf8.Valid(text):
		return out, out.fault("", "is not UTF-8 text; convert the file")
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		err = out.fromYAML(text, true)
	case ".yaml", ".yml":
		err = out.fromYAML(text, false)
	case ".csv":
		err = out.fromCSV(text)
	default:
		err = &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("%s is of no known format of reported figures", name), Hint: "name a .json, .yaml or .csv file"}
	}
	if err == nil {
		err = out.complete()
	}
	return out, err
}

// fromYAML reads YAML, and JSON, which is YAML too: so the digits that the source
// prints, and the lines, are known for both.
func (r *Reported) fromYAML(text []byte, isJSON bool) error {
	if isJSON {
		var any json.RawMessage
		if err := json.Unmarshal(text, &any); err != nil {
			var syntax *json.SyntaxError
			place := ""
			if errors.As(err, &syntax) {
				place = fmt.Sprintf("line %d", 1+bytes.Count(text[:min(len(text), int(syntax.Offset))], []byte("\n")))
			}
			return r.fault(place, "is not JSON: %v", err)
		}
	}
	file := r.File
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(r); err != nil && !errors.Is(err, io.EOF) {
		message := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n ", ""), "yaml: ")
		return r.fault("", "%s", regexp.MustCompile(` in type [\w.]+`).ReplaceAllString(message, ""))
	}
	r.File = file
	if err := d.Decode(new(Reported)); !errors.Is(err, io.EOF) {
		return r.fault("", "holds more than one document")
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return r.fault("", "%v", err)
	}
	for i := range r.Candidates {
		for k := range r.Candidates[i].Figures {
			if err := r.annotate(&root, i, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// annotate notes the line and the digits of a figure.
func (r *Reported) annotate(root *yaml.Node, i, k int) error {
	f := &r.Candidates[i].Figures[k]
	node := child(child(child(child(root, "candidates"), i), "figures"), k)
	f.place = fmt.Sprintf("candidates[%d].figures[%d]", i, k)
	if node == nil {
		return nil // an alias or a merge: its digits are not looked for
	}
	f.place = fmt.Sprintf("line %d", node.Line)
	value := child(node, "value")
	if value == nil {
		return r.fault(f.place, "a figure has no value")
	}
	f.digits = digitsOf(value.Value)
	if ref := child(node, "reference"); ref != nil && f.Reference != nil {
		f.digits = max(f.digits, digitsOf(ref.Value))
	}
	for _, v := range []*float64{&f.Value, f.Reference} {
		if v != nil && !finite(*v) {
			return r.fault(f.place, "want finite numbers")
		}
	}
	return nil
}

// child is an entry of a mapping, by key, or of a sequence, by number; nil if there is none.
func child(n *yaml.Node, key any) *yaml.Node {
	if n != nil && n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	switch k := key.(type) {
	case int:
		if n != nil && n.Kind == yaml.SequenceNode && k < len(n.Content) {
			return n.Content[k]
		}
	case string:
		if n != nil && n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == k {
					return n.Content[i+1]
				}
			}
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// maxDigits bounds the digits behind the point that are kept.
const maxDigits = 9

// digitsOf counts the digits behind the point of a number as it is written.
func digitsOf(number string) int {
	number, _, _ = strings.Cut(strings.ToLower(number), "e")
	_, fraction, ok := strings.Cut(number, ".")
	if !ok {
		return 0
	}
	return min(maxDigits, len(strings.TrimSpace(fraction)))
}

func fixed(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	return s
}

// fromCSV reads a table with one figure a row.
func (r *Reported) fromCSV(text []byte) error {
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord = -1
	known := []string{"candidate", "metric", "value", "reference", "direction", "source", "note"}
	var header []string
	for {
		record, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			return r.fault(fmt.Sprintf("line %d", parse.Line), "%v", parse.Err)
		}
		if err != nil {
			return r.fault("", "%v", err)
		}
		line, _ := rows.FieldPos(0)
		place := fmt.Sprintf("line %d", line)
		if header == nil {
			for i, name := range record {
				name = strings.TrimSpace(name)
				if !slices.Contains(known, name) || slices.Contains(record[:i], name) {
					return r.fault(place, "column %q is unknown or there twice; want %s", name, list(known))
				}
				header = append(header, name)
			}
			for _, name := range known[:3] {
				if !slices.Contains(header, name) {
					return r.fault(place, "there is no column %s", name)
				}
			}
			continue
		}
		if len(record) != len(header) {
			return r.fault(place, "has %d cells and the header has %d", len(record), len(header))
		}
		if err := r.csvFigure(place, header, record); err != nil {
			return err
		}
	}
}

func (r *Reported) csvFigure(place string, header, record []string) error {
	f := ReportedFigure{place: place}
	name := ""
	number := func(column, text string) (float64, error) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !finite(v) {
			return 0, r.fault(place, "column %s: want a number, got %q", column, text)
		}
		f.digits = max(f.digits, digitsOf(text))
		return v, nil
	}
	for i, column := range header {
		cell := strings.TrimSpace(record[i])
		var err error
		switch column {
		case "candidate":
			name = cell
		case "metric":
			f.Metric = cell
		case "value":
			f.Value, err = number(column, cell)
		case "reference":
			if cell != "" {
				var v float64
				v, err = number(column, cell)
				f.Reference = &v
			}
		case "direction":
			f.Direction = Direction(cell)
		case "source":
			f.Source = cell
		case "note":
			f.Note = cell
		}
		if err != nil {
			return err
		}
	}
	if name == "" {
		return r.fault(place, "column candidate is empty")
	}
	at := slices.IndexFunc(r.Candidates, func(c ReportedCandidate) bool { return c.Name == name })
	if at < 0 {
		at = len(r.Candidates)
		r.Candidates = append(r.Candidates, ReportedCandidate{Name: name})
	}
	r.Candidates[at].Figures = append(r.Candidates[at].Figures, f)
	return nil
}
