package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

func segmentPath(dir string, number uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%010d.seg", number))
}

// journal appends frames to the segments of one folder. Whoever appends at the same time
// shares one write; a write that has returned survives the process. Files are closed by sync
// and close alone, which one goroutine calls.
type journal struct {
	dir  string
	most int64 // bytes of a segment
	medium
	bytes atomic.Int64 // of the segments that are there, those of dead processes included

	q     sync.Mutex // guards open and spare
	open  *group
	spare []byte // of a group that was written

	w       sync.Mutex // guards everything below; held while writing
	f       file       // nil before the first frame
	number  uint64     // of the segment f
	size    int64      // what is known to be whole
	began   time.Time
	dirty   bool   // not synced
	created bool   // the folder is not synced
	retired []file // complete, to be synced and closed

	e    sync.Mutex // guards ends
	ends []end
}

// end says how far a segment can be read. All but the last are complete.
type end struct {
	number uint64
	size   int64
}

// group is what is written at once.
type group struct {
	frames []byte
	done   bool
	err    error
}

func newJournal(dir string, most int64) *journal {
	return &journal{dir: dir, most: most, medium: medium{}.withDefaults(), open: &group{}}
}

// append returns once the frames have been handed to the kernel.
func (j *journal) append(frames []byte) error {
	j.q.Lock()
	g := j.open
	g.frames = append(g.frames, frames...)
	j.q.Unlock()
	j.w.Lock()
	defer j.w.Unlock()
	if g.done { // somebody who came earlier wrote it
		return g.err
	}
	j.q.Lock()
	j.open = &group{frames: j.spare}
	j.spare = nil
	j.q.Unlock()
	g.err = j.write(g.frames)
	g.done = true
	if cap(g.frames) <= 256<<10 {
		j.q.Lock()
		j.spare = g.frames[:0]
		j.q.Unlock()
	}
	g.frames = nil
	return g.err
}

// write is called with w held.
func (j *journal) write(p []byte) error {
	if j.f == nil || j.size >= j.most {
		if err := j.next(); err != nil {
			return err
		}
	}
	n, err := j.f.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		j.mend()
		return fmt.Errorf("write to the spool: %w", err)
	}
	j.size += int64(n)
	j.bytes.Add(int64(n))
	j.dirty = true
	j.publish()
	return nil
}

// mend cuts what a failed write left, or gives the segment up.
func (j *journal) mend() {
	if err := j.f.Truncate(j.size); err != nil {
		j.retire()
	}
}

// retire ends the segment, with w held.
func (j *journal) retire() {
	if j.f != nil {
		j.retired = append(j.retired, j.f)
		j.f = nil
	}
}

// next begins a segment.
func (j *journal) next() error {
	j.retire()
	j.number++
	f, err := j.create(segmentPath(j.dir, j.number))
	if err == nil {
		if _, err = io.WriteString(f, magic); err != nil {
			err = errors.Join(err, f.Close(), os.Remove(segmentPath(j.dir, j.number)))
		}
	}
	if err != nil {
		return fmt.Errorf("begin a segment of the spool: %w", err)
	}
	j.f, j.size, j.began, j.created, j.dirty = f, int64(len(magic)), time.Now(), true, true
	j.bytes.Add(j.size)
	j.e.Lock()
	j.ends = append(j.ends, end{j.number, j.size})
	j.e.Unlock()
	return nil
}

func (j *journal) publish() {
	j.e.Lock()
	j.ends[len(j.ends)-1].size = j.size
	j.e.Unlock()
}

// segments lists what can be read, oldest first. complete says whether nothing will be
// added to the last one.
func (j *journal) segments() []end {
	j.e.Lock()
	defer j.e.Unlock()
	return append([]end(nil), j.ends...)
}

// forget is called after a segment's file was removed.
func (j *journal) forget(number uint64) {
	j.e.Lock()
	defer j.e.Unlock()
	for i, s := range j.ends {
		if s.number == number {
			j.ends = append(j.ends[:i:i], j.ends[i+1:]...)
			return
		}
	}
}

// turn ends a segment that is older than age and holds frames, so that it can be removed.
func (j *journal) turn(age time.Duration) {
	j.w.Lock()
	defer j.w.Unlock()
	if j.f != nil && j.size > int64(len(magic)) && time.Since(j.began) >= age {
		if err := j.next(); err != nil {
			j.retire() // the next append tries again, and reports
		}
	}
}

// active is the number of the segment that is written to, or 0.
func (j *journal) active() uint64 {
	j.w.Lock()
	defer j.w.Unlock()
	if j.f == nil {
		return 0
	}
	return j.number
}

// sync forces what was written before the call to the disk, and says whether there was any.
// What could not be forced is tried again by the next call.
func (j *journal) sync() (bool, error) {
	j.w.Lock()
	retired, created := j.retired, j.created
	var open file
	if j.dirty {
		open = j.f
	}
	j.retired, j.dirty, j.created = nil, false, false
	j.w.Unlock()
	var faults []error
	var again []file
	for _, f := range retired {
		if err := f.Sync(); err != nil {
			faults, again = append(faults, err), append(again, f)
			continue
		}
		faults = append(faults, f.Close())
	}
	dirty := false
	if open != nil {
		err := open.Sync()
		faults, dirty = append(faults, err), err != nil
	}
	if created {
		err := j.folder(j.dir)
		faults, created = append(faults, err), err != nil
	}
	j.w.Lock()
	j.retired = append(again, j.retired...)
	j.dirty, j.created = j.dirty || dirty, j.created || created
	j.w.Unlock()
	return len(retired) > 0 || open != nil, errors.Join(faults...)
}

// close syncs and closes every file.
func (j *journal) close() error {
	j.w.Lock()
	j.retire()
	j.w.Unlock()
	_, err := j.sync()
	for _, f := range j.retired { // that could not be synced
		err = errors.Join(err, f.Close())
	}
	j.retired = nil
	return err
}
