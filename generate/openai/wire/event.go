package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxEventBytes bounds the data of one event.
const maxEventBytes = 4 << 20

// Event is a server-sent event.
type Event struct {
	Type string // empty means "message"
	Data []byte // its data lines, joined by newlines
}

// Reader reads server-sent events as the WHATWG HTML standard, section 9.2, defines
// them, with one lenience: an event that the end of the stream cuts off from its empty line
// still counts, since servers forget that line.
type Reader struct {
	from    *bufio.Reader
	limit   int
	line    []byte
	data    []byte
	afterCR bool // the last line ended in CR: a LF that follows belongs to it
	begun   bool
}

// NewReader reads from r; an event's data and each line are bounded by limit bytes.
func NewReader(r io.Reader, limit int) *Reader {
	return &Reader{from: bufio.NewReaderSize(r, 16<<10), limit: limit}
}

// Next returns the next event that has data, or io.EOF. Its Data is valid until the next call.
func (r *Reader) Next() (Event, error) {
	var e Event
	r.data = r.data[:0]
	has := false
	for {
		line, err := r.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			return Event{}, err
		}
		if err != nil && len(line) == 0 || err == nil && len(line) == 0 {
			if has {
				e.Data = r.data[:len(r.data)-1] // without the last newline
				return e, nil
			}
			if err != nil {
				return Event{}, io.EOF
			}
			e = Event{}
			continue
		}
		name, value := field(line)
		switch name {
		case "data":
			if len(r.data)+len(value) >= r.limit {
				return Event{}, Unusable(fmt.Sprintf("an event of the stream is longer than %d bytes", r.limit), nil)
			}
			r.data = append(append(r.data, value...), '\n')
			has = true
		case "event":
			e.Type = string(value)
		}
	}
}

// field splits a line at its colon and drops one space. A comment has no name.
func field(line []byte) (name string, value []byte) {
	before, after, _ := bytes.Cut(line, []byte(":"))
	return string(before), bytes.TrimPrefix(after, []byte(" "))
}

// readLine returns a line without its end: LF, CR LF or CR. At the end of the
// stream it returns what is left together with io.EOF.
func (r *Reader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		c, err := r.from.ReadByte()
		if err != nil {
			return r.line, err
		}
		if r.afterCR {
			r.afterCR = false
			if c == '\n' {
				continue
			}
		}
		if c == '\n' || c == '\r' {
			r.afterCR = c == '\r'
			return r.stripMark(), nil
		}
		if len(r.line) >= r.limit {
			return nil, Unusable(fmt.Sprintf("a line of the stream is longer than %d bytes", r.limit), nil)
		}
		r.line = append(r.line, c)
	}
}

// stripMark drops the byte order mark that a stream may begin with.
func (r *Reader) stripMark() []byte {
	if r.begun {
		return r.line
	}
	r.begun = true
	return bytes.TrimPrefix(r.line, []byte("\ufeff"))
}
