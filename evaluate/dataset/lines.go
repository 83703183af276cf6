package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"stylesprint"
)

// DefaultMaxLine is the longest line or record that is read, in bytes.
const DefaultMaxLine = 16 << 20

// byteOrderMark is what some editors put before a UTF-8 text.
const byteOrderMark = "\ufeff"

// Lines streams the lines of a text without their ends (LF or CRLF) and without
// a byte order mark. Only LF ends a line, as in sacrebleu. It stops at the first
// fault: bytes that are not UTF-8, or a line of more than maxLine bytes (0:
// DefaultMaxLine). name is for faults.
func Lines(r io.Reader, name string, maxLine int) iter.Seq2[string, error] {
	if maxLine <= 0 {
		maxLine = DefaultMaxLine
	}
	return func(yield func(string, error) bool) {
		b := bufio.NewReaderSize(r, 64<<10)
		for n := 1; ; n++ {
			line, err := readLine(b, maxLine)
			if err == io.EOF {
				return
			}
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte(byteOrderMark))
			}
			if err == nil && !utf8.Valid(line) {
				err = errNotUTF8
			}
			if err != nil {
				yield("", lineError(name, n, maxLine, err))
				return
			}
			if !yield(string(line), nil) {
				return
			}
		}
	}
}

var (
	errNotUTF8 = errors.New("is not UTF-8 text; convert the file")
	errTooLong = errors.New("is too long")
)

func lineError(name string, n, maxLine int, err error) error {
	c := newCollector(name)
	switch {
	case errors.Is(err, errTooLong):
		c.fault(n, "", "has more than %d bytes", maxLine)
	case errors.Is(err, errNotUTF8):
		c.fault(n, "", "%v", err)
	default:
		return fmt.Errorf("read %s, line %d: %w", name, n, err)
	}
	f := c.faults[0]
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: f.String()}
}

// readLine returns a line without its end; io.EOF where there is none. The
// result may alias the reader's buffer.
func readLine(b *bufio.Reader, maxLine int) ([]byte, error) {
	line, err := b.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := bytes.Clone(line)
		for err == bufio.ErrBufferFull {
			if len(long) > maxLine {
				return nil, errTooLong
			}
			line, err = b.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	if err == io.EOF {
		if len(line) == 0 {
			return nil, io.EOF
		}
		err = nil
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if err == nil && len(line) > maxLine {
		err = errTooLong
	}
	return line, err
}

// ParallelOptions describe a dataset made of files whose same lines belong together.
type ParallelOptions struct {
	Name       string // of the dataset
	Field      string // variable that a source line becomes; empty: "source"
	Sources    Text
	References []Text // an empty line is a reference that is missing
	MaxLine    int    // bytes; 0: DefaultMaxLine
}

// Text is a named stream of text.
type Text struct {
	Name   string
	Reader io.Reader
}

// ReadParallel reads parallel lines. Items are numbered 000001 and up.
func ReadParallel(o ParallelOptions) (Dataset, error) {
	field := o.Field
	if field == "" {
		field = "source"
	}
	c := newCollector(o.Sources.Name)
	sources, err := allLines(o.Sources, o.MaxLine)
	if err != nil {
		return Dataset{}, err
	}
	items := make([]Item, len(sources))
	for i, line := range sources {
		items[i] = Item{ID: fmt.Sprintf("%06d", i+1), Fields: map[string]string{field: line}, References: []string{}}
		if strings.TrimSpace(line) == "" {
			c.fault(i+1, field, "is empty")
		}
	}
	for _, ref := range o.References {
		lines, err := allLines(ref, o.MaxLine)
		if err != nil {
			return Dataset{}, err
		}
		if len(lines) != len(items) {
			c.fault(0, "", "has %d lines and %s has %d", len(items), ref.Name, len(lines))
			continue
		}
		for i, line := range lines {
			if strings.TrimSpace(line) != "" {
				items[i].References = append(items[i].References, line)
			}
		}
	}
	for i, item := range items {
		c.add(item, i+1)
	}
	return c.dataset(o.Name)
}

func allLines(t Text, maxLine int) ([]string, error) {
	var out []string
	for line, err := range Lines(t.Reader, t.Name, maxLine) {
		if err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	return out, nil
}
