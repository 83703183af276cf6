package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"stylesprint"
)

// A segment is the magic and then frames: the payload's length and its CRC-32C, four bytes
// each, least significant first, and the payload, whose first byte is its kind.
// docs/formats/spool.md describes both.
const (
	magic      = "SSPOOL1\n"
	frameHead  = 8
	maxPayload = 16 << 20
)

// kind is the first byte of a payload.
type kind byte

const (
	kindRecord      kind = 1 // sequence number, record
	kindDelivered   kind = 2 // sequence number: the answer's last byte was sent
	kindUndelivered kind = 3 // sequence number: it could not be sent
	kindProbe       kind = 4 // nothing: whether the disk takes bytes again
)

var (
	errShort = errors.New("the frame is cut short")
	errSum   = errors.New("the frame's checksum does not match")
	errNewer = errors.New("the record was written by a newer program")
	errForm  = errors.New("the frame is malformed")
	// errClosed is no fault of the bytes: the process may have too many files open.
	errClosed = errors.New("the segment cannot be opened")
)

// recordVersion is raised when fields are moved; fields at the end may be added without.
const recordVersion = 1

// begin leaves room for a frame's head and writes its kind.
func begin(b []byte, k kind) []byte {
	return append(append(b, 0, 0, 0, 0, 0, 0, 0, 0), byte(k))
}

// seal fills in the head of the frame that begins at start and ends with b.
func seal(b []byte, start int, table *crc32.Table) []byte {
	payload := b[start+frameHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(payload, table))
	return b
}

// castagnoli is the polynomial that processors compute in hardware.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendRecord appends the frame of a record.
func appendRecord(b []byte, seq uint64, r *stylesprint.RequestRecord, table *crc32.Table) []byte {
	start := len(b)
	b = begin(b, kindRecord)
	b = binary.AppendUvarint(b, seq)
	b = append(b, recordVersion)
	b = appendText(b, r.ID)
	at := int64(0)
	if !r.Time.IsZero() {
		at = r.Time.UnixNano()
	}
	b = binary.AppendVarint(b, at)
	for _, s := range [...]string{r.Route, r.Model, r.KeyID, string(r.Code), r.Release, r.Target, r.Cache, r.Flags, r.Prompt, r.Response} {
		b = appendText(b, s)
	}
	stream := int64(0)
	if r.Stream {
		stream = 1
	}
	for _, n := range [...]int64{int64(r.Status), stream, int64(r.Usage.PromptTokens), int64(r.Usage.CompletionTokens), int64(r.Usage.CachedTokens),
		int64(r.Cost), int64(r.Billed), int64(r.Latency), int64(r.FirstToken), int64(r.Attempts)} {
		b = binary.AppendVarint(b, n)
	}
	return seal(b, start, table)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendMark appends a frame that holds a sequence number alone.
func appendMark(b []byte, k kind, seq uint64, table *crc32.Table) []byte {
	start := len(b)
	return seal(binary.AppendUvarint(begin(b, k), seq), start, table)
}

// frame is one that was read.
type frame struct {
	kind   kind
	seq    uint64
	record stylesprint.RequestRecord
}

// decode reads a payload whose checksum was right.
func decode(payload []byte) (frame, error) {
	if len(payload) == 0 {
		return frame{}, errForm
	}
	f := frame{kind: kind(payload[0])}
	d := decoder{b: payload[1:]}
	switch f.kind {
	case kindProbe:
		return f, nil
	case kindDelivered, kindUndelivered:
		f.seq = d.unsigned()
		return f, d.err
	case kindRecord:
		f.seq = d.unsigned()
		d.record(&f.record)
		return f, d.err
	default:
		return frame{}, fmt.Errorf("%w: kind %d", errNewer, payload[0])
	}
}

// decoder takes values from the front of a payload. After a fault it gives zeroes.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) record(r *stylesprint.RequestRecord) {
	if len(d.b) == 0 {
		d.fail()
		return
	}
	if d.b[0] != recordVersion {
		d.err = fmt.Errorf("%w: version %d", errNewer, d.b[0])
		return
	}
	d.b = d.b[1:]
	r.ID = d.text()
	if at := d.signed(); at != 0 {
		r.Time = time.Unix(0, at).UTC()
	}
	var code string
	for _, s := range [...]*string{&r.Route, &r.Model, &r.KeyID, &code, &r.Release, &r.Target, &r.Cache, &r.Flags, &r.Prompt, &r.Response} {
		*s = d.text()
	}
	r.Code = stylesprint.Code(code)
	r.Status, r.Stream = int(d.signed()), d.signed() != 0
	r.Usage = stylesprint.Usage{PromptTokens: int(d.signed()), CompletionTokens: int(d.signed()), CachedTokens: int(d.signed())}
	r.Cost, r.Billed = stylesprint.Money(d.signed()), stylesprint.Money(d.signed())
	r.Latency, r.FirstToken = time.Duration(d.signed()), time.Duration(d.signed())
	r.Attempts = int(d.signed())
	if d.err == nil && r.ID == "" {
		d.fail()
	}
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = errForm
	}
	d.b = nil
}

func (d *decoder) unsigned() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string {
	n := d.unsigned()
	if n > uint64(len(d.b)) {
		d.fail()
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}
