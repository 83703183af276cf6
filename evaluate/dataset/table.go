package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"stylesprint"
)

// Columns say which columns of a table make up an item. A nil or empty entry
// means the default.
type Columns struct {
	ID         string   // default "id"
	Family     string   // default "family", if there is such a column
	Split      string   // default "split", if there is such a column
	References []string // default: every column whose name begins with "reference"; empty cells are missing references
	Slices     []string // default: none; a slice's column stays a field too
	Images     []string // default: every column whose name begins with "image"; empty cells are missing pictures
	// Fields are the columns that prompts may use. Default: every column that
	// is none of the above but Slices.
	Fields []string
}

// ReadCSV reads a table with a header, comma-separated and quoted as RFC 4180 says.
func ReadCSV(r io.Reader, o Options) (Dataset, error) { return read(r, o, readCSV) }

func readCSV(r io.Reader, o Options, c *collector) error {
	guard := &recordGuard{r: &markSkipper{r: r}, limit: int64(o.maxLine())}
	rows := csv.NewReader(guard)
	rows.FieldsPerRecord = -1
	t := tableReader{c: c, o: o}
	for first := true; c.failed == nil; first = false {
		record, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return t.csvError(err)
		}
		guard.mark = rows.InputOffset()
		line, _ := rows.FieldPos(0)
		if first {
			if err := t.header(record); err != nil {
				return err
			}
			continue
		}
		t.row(record, line)
	}
	return nil
}

// ReadTSV reads a table with a header whose cells are separated by tabs.
// Nothing is quoted: a quotation mark is a character like any other, and a cell
// holds neither a tab nor a line end.
func ReadTSV(r io.Reader, o Options) (Dataset, error) { return read(r, o, readTSV) }

func readTSV(r io.Reader, o Options, c *collector) error {
	t := tableReader{c: c, o: o}
	n := 0
	for line, err := range Lines(r, o.File, o.MaxLine) {
		n++
		if err != nil || c.failed != nil {
			return err
		}
		record := strings.Split(line, "\t")
		if n == 1 {
			if err := t.header(record); err != nil {
				return err
			}
			continue
		}
		if line != "" {
			t.row(record, n)
		}
	}
	return nil
}

type tableReader struct {
	c *collector
	o Options

	names                          []string
	id, family, split              int // column numbers; -1: none
	references, slices, images, in []int
}

// header finds the columns.
func (t *tableReader) header(names []string) error {
	t.names = make([]string, len(names))
	for i, name := range names {
		t.names[i] = strings.TrimSpace(name)
		if !utf8.ValidString(name) {
			t.c.fault(1, fmt.Sprint(i+1), "%v", errNotUTF8)
		}
		if j := slices.Index(t.names[:i], t.names[i]); j >= 0 && t.names[i] != "" {
			t.c.fault(1, t.names[i], "columns %d and %d have the same name", j+1, i+1)
		}
	}
	cols := t.o.Columns
	t.id = t.column(cols.ID, "id", true)
	t.family = t.column(cols.Family, "family", false)
	t.split = t.column(cols.Split, "split", false)
	t.references = t.columnsOr(cols.References, "reference")
	t.images = t.columnsOr(cols.Images, "image")
	t.slices = t.columns(cols.Slices)
	if len(cols.Fields) > 0 {
		t.in = t.columns(cols.Fields)
	} else {
		for i, name := range t.names {
			if name != "" && i != t.id && i != t.family && i != t.split && !slices.Contains(t.references, i) && !slices.Contains(t.images, i) {
				t.in = append(t.in, i)
			}
		}
	}
	return t.c.error()
}

// columnsOr finds the columns asked for, or else those whose names begin with prefix.
func (t *tableReader) columnsOr(names []string, prefix string) []int {
	if len(names) > 0 {
		return t.columns(names)
	}
	var out []int
	for i, name := range t.names {
		if strings.HasPrefix(name, prefix) {
			out = append(out, i)
		}
	}
	return out
}

func (t *tableReader) columns(names []string) []int {
	var out []int
	for _, name := range names {
		out = append(out, t.column(name, name, true))
	}
	return out
}

// column finds one column by the name asked for, or else by its default name.
func (t *tableReader) column(name, standard string, needed bool) int {
	asked := name != ""
	if !asked {
		name = standard
	}
	i := slices.Index(t.names, name)
	if i < 0 && (asked || needed) {
		t.c.fault(1, name, "there is no such column; the header has %s", shorten(strings.Join(t.names, ", ")))
	}
	return i
}

// row makes an item of one record.
func (t *tableReader) row(record []string, line int) {
	if len(record) != len(t.names) {
		t.c.fault(line, "", "has %d cells and the header has %d", len(record), len(t.names))
		return
	}
	for i, cell := range record {
		if !utf8.ValidString(cell) {
			t.c.fault(line, t.names[i], "%v", errNotUTF8)
			return
		}
	}
	cell := func(i int) string {
		if i < 0 {
			return ""
		}
		return strings.TrimSpace(record[i])
	}
	item := Item{ID: cell(t.id), Family: cell(t.family), Split: cell(t.split), Fields: map[string]string{}, References: []string{}}
	for _, i := range t.in {
		item.Fields[t.names[i]] = record[i]
	}
	for _, i := range t.slices {
		if item.Slices == nil {
			item.Slices = map[string]string{}
		}
		item.Slices[t.names[i]] = cell(i)
	}
	for _, i := range t.images {
		if cell(i) != "" {
			item.Images = append(item.Images, cell(i))
		}
	}
	for _, i := range t.references {
		if cell(i) != "" {
			item.References = append(item.References, record[i])
		}
	}
	t.c.add(item, line)
}

func (t *tableReader) csvError(err error) error {
	var parse *csv.ParseError
	switch {
	case errors.Is(err, errTooLong):
		t.c.fault(0, "", "has a record of more than %d bytes; is a quotation mark missing?", t.o.maxLine())
	case errors.As(err, &parse):
		t.c.fault(parse.StartLine, "", "line %d, column %d: %v", parse.Line, parse.Column, parse.Err)
	default:
		return fmt.Errorf("read %s: %w", t.o.File, err)
	}
	return t.c.error()
}

// recordGuard bounds what the CSV reader takes in for one record.
type recordGuard struct {
	r     io.Reader
	read  int64
	mark  int64 // where the record begins
	limit int64
}

// readAhead is more than the CSV reader's own buffer, which may hold the begin
// of the next record.
const readAhead = 64 << 10

func (g *recordGuard) Read(p []byte) (int, error) {
	if g.read-g.mark > g.limit+readAhead {
		return 0, errTooLong
	}
	n, err := g.r.Read(p)
	g.read += int64(n)
	return n, err
}

// markSkipper drops a byte order mark.
type markSkipper struct {
	r    io.Reader
	rest []byte
	done bool
}

func (m *markSkipper) Read(p []byte) (int, error) {
	if !m.done {
		m.done = true
		first := make([]byte, len(byteOrderMark))
		n, err := io.ReadFull(m.r, first)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		if m.rest = first[:n]; string(m.rest) == byteOrderMark {
			m.rest = nil
		}
	}
	if len(m.rest) > 0 {
		n := copy(p, m.rest)
		m.rest = m.rest[n:]
		return n, nil
	}
	return m.r.Read(p)
}

// errorFor is an invalid_request about a file as a whole.
func errorFor(format, hint string, args ...any) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}
