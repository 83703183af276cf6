package spool

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/gateway"
)

// unconfirmed is the flag of a record whose process ended between committing it and knowing
// whether its answer was delivered.
const unconfirmed = "unconfirmed"

// reader takes the records of one folder in the order in which their answers ended, and
// knows which segments are done with. It belongs to one goroutine.
type reader struct {
	dir     string
	journal *journal // nil in the folder of a process that has ended
	table   *crc32.Table
	// unmarked says how answers ended whose mark could not be written.
	unmarked func(seq uint64) (delivered, known bool)

	segments []*segment
	held     map[uint64]*entry // read, and not known to have ended
	ready    []*entry
	file     *os.File // of the segment being read
	buf      *bufio.Reader
	payload  []byte
	torn     int64 // bytes that were cut
}

// segment is a file of the folder.
type segment struct {
	end
	read     int64 // offset of the next frame
	open     int   // records that were read and are not acknowledged
	complete bool  // nothing will be added
	damaged  bool  // a frame was bad, and it was not the end of the last segment
}

func (s *segment) done() bool { return s.complete && s.read >= s.size && s.open == 0 }

// entry is a record on its way.
type entry struct {
	stylesprint.RequestRecord
	seq  uint64
	from *segment // nil for one that did not fit into the spool
	own  bool     // of this process
	size int      // bytes of its frame
	lost int      // how often the request log refused it while it took others
}

func newReader(dir string, j *journal, table *crc32.Table) *reader {
	return &reader{dir: dir, journal: j, table: table, held: map[uint64]*entry{}, unmarked: func(uint64) (bool, bool) { return false, false }}
}

// scan lists the segments of a folder whose process has ended.
func (r *reader) scan() (bytes int64, err error) {
	names, err := os.ReadDir(r.dir)
	if err != nil {
		return 0, fmt.Errorf("list the spool's segments: %w", err)
	}
	for _, n := range names {
		base, found := strings.CutSuffix(n.Name(), ".seg")
		number, err := strconv.ParseUint(base, 10, 64)
		if !found || err != nil {
			continue
		}
		info, err := n.Info()
		if err != nil {
			return 0, fmt.Errorf("list the spool's segments: %w", err)
		}
		bytes += info.Size()
		r.segments = append(r.segments, &segment{end: end{number, info.Size()}, complete: true})
	}
	slices.SortFunc(r.segments, func(a, b *segment) int { return int(a.number) - int(b.number) })
	return bytes, nil
}

// follow learns how far the journal has come.
func (r *reader) follow() {
	active := r.journal.active() // first: it may only become complete
	for _, e := range r.journal.segments() {
		i := slices.IndexFunc(r.segments, func(s *segment) bool { return s.number == e.number })
		if i < 0 {
			r.segments = append(r.segments, &segment{})
			i = len(r.segments) - 1
		}
		r.segments[i].end, r.segments[i].complete = e, e.number < active
	}
}

// next returns up to most records whose answers have ended. It stops early where a record
// cannot be read by this program (errNewer), or a segment not be opened now (errClosed); when
// there is nothing before it, that is the error.
func (r *reader) next(most int) ([]*entry, error) {
	if r.journal != nil {
		r.follow()
		r.settleUnmarked()
	}
	for len(r.ready) < most {
		s := r.current()
		if s == nil {
			break
		}
		err := r.step(s)
		if errors.Is(err, errNewer) || errors.Is(err, errClosed) {
			r.release() // stands behind the frame
			if len(r.ready) == 0 {
				return nil, err
			}
			break
		}
		if err != nil {
			r.cut(s, err)
		}
	}
	if r.journal == nil && r.current() == nil { // nothing more will be known of the rest
		seqs := make([]uint64, 0, len(r.held))
		for seq := range r.held {
			seqs = append(seqs, seq)
		}
		slices.Sort(seqs)
		for _, seq := range seqs {
			e := r.held[seq]
			e.Flags = strings.TrimPrefix(e.Flags+","+unconfirmed, ",")
			r.settle(e)
		}
	}
	n := min(most, len(r.ready))
	out := r.ready[:n:n]
	r.ready = r.ready[n:]
	return out, nil
}

// current is the segment with the next frame.
func (r *reader) current() *segment {
	for _, s := range r.segments {
		if s.read < s.size {
			return s
		}
		if !s.complete {
			break
		}
	}
	return nil
}

// step reads one frame.
func (r *reader) step(s *segment) error {
	if err := r.seek(s); err != nil {
		return err
	}
	if s.read == 0 {
		head := make([]byte, len(magic))
		if s.size < int64(len(magic)) {
			return errShort
		}
		if _, err := io.ReadFull(r.buf, head); err != nil {
			return err
		}
		if string(head) != magic {
			return errForm
		}
		s.read = int64(len(magic))
		return nil
	}
	var head [frameHead]byte
	if s.size-s.read < frameHead {
		return errShort
	}
	if _, err := io.ReadFull(r.buf, head[:]); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > maxPayload || n > s.size-s.read-frameHead {
		return errShort
	}
	r.payload = slices.Grow(r.payload[:0], int(n))[:n]
	if _, err := io.ReadFull(r.buf, r.payload); err != nil {
		return err
	}
	if crc32.Checksum(r.payload, r.table) != binary.LittleEndian.Uint32(head[4:]) {
		return errSum
	}
	f, err := decode(r.payload)
	if err != nil {
		return err
	}
	s.read += frameHead + n
	r.take(f, s, int(n))
	return nil
}

// seek opens the file of a segment at its next frame, unless it stands there already.
func (r *reader) seek(s *segment) error {
	path := segmentPath(r.dir, s.number)
	if r.file != nil && r.file.Name() == path {
		return nil
	}
	r.release()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errClosed, err)
	}
	if _, err := f.Seek(s.read, io.SeekStart); err != nil {
		return errors.Join(err, f.Close())
	}
	r.file = f
	r.buf = bufio.NewReaderSize(f, 64<<10)
	return nil
}

func (r *reader) release() {
	if r.file != nil {
		_ = r.file.Close() // opened for reading
		r.file = nil
	}
}

// take files a frame.
func (r *reader) take(f frame, s *segment, size int) {
	switch f.kind {
	case kindRecord:
		s.open++
		r.held[f.seq] = &entry{RequestRecord: f.record, seq: f.seq, from: s, own: r.journal != nil, size: size}
	case kindDelivered, kindUndelivered:
		e := r.held[f.seq]
		if e == nil {
			return
		}
		if f.kind == kindUndelivered {
			gateway.Undelivered(&e.RequestRecord)
		}
		r.settle(e)
	}
}

func (r *reader) settle(e *entry) {
	delete(r.held, e.seq)
	r.ready = append(r.ready, e)
}

func (r *reader) settleUnmarked() {
	for seq, e := range r.held {
		if delivered, known := r.unmarked(seq); known {
			if !delivered {
				gateway.Undelivered(&e.RequestRecord)
			}
			r.settle(e)
		}
	}
}

// cut gives up the rest of a segment after a bad frame: nothing behind it can be trusted,
// since a prompt may hold what looks like a frame. Where the fault is the disk's, which did
// not give the bytes, or is not one that a power cut leaves, the file is put aside.
func (r *reader) cut(s *segment, why error) {
	r.torn += s.size - s.read
	s.damaged = !torn(why) || s != r.segments[len(r.segments)-1] || r.journal != nil
	s.read = s.size
	r.release()
}

// torn says whether bytes are missing or wrong, rather than that they could not be read.
func torn(err error) bool {
	for _, e := range []error{errShort, errSum, errForm, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// finished removes from the front the segments that are done with, and returns them.
func (r *reader) finished() []*segment {
	n := 0
	for n < len(r.segments) && r.segments[n].done() {
		n++
	}
	out := r.segments[:n:n]
	r.segments = r.segments[n:]
	return out
}

// remove deletes the file of a finished segment, or moves a damaged one to the folder aside.
func (r *reader) remove(s *segment, aside string) error {
	path := segmentPath(r.dir, s.number)
	if r.file != nil && r.file.Name() == path {
		r.release()
	}
	if r.journal != nil {
		r.journal.forget(s.number)
	}
	if s.damaged {
		return os.Rename(path, filepath.Join(aside, filepath.Base(r.dir)+"-"+filepath.Base(path)))
	}
	return os.Remove(path)
}
