package spool

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stylesprint"
)

// How the request log is written.
const (
	batchRecords = 256
	batchBytes   = 4 << 20
	writeTimeout = 10 * time.Second // of one attempt
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
	// A batch that failed so often is taken apart, to find a record that the request log
	// will never take; a record is put aside when it was refused so often while others were
	// taken.
	takeApart   = 3
	giveUpAfter = 8 // refusals in a row, which mean that the request log is away
)

// drain writes settled records to the request log until Close.
func (s *Spool) drain() {
	defer close(s.drained)
	defer s.live.release()
	failures := 0
	for {
		wrote, err := s.pass(failures)
		if err != nil {
			failures++
			if s.ctx.Err() != nil {
				return
			}
			s.metrics.appendFailures.Inc()
			s.complain("append", err)
			s.wait(min(firstPause<<min(failures-1, 10), longestPause))
			continue
		}
		failures = 0
		if wrote == batchRecords {
			continue
		}
		select {
		case <-s.closing:
			if wrote == 0 {
				return
			}
		default:
			s.wait(s.o.DrainEvery)
		}
		if s.ctx.Err() != nil {
			return
		}
	}
}

// wait pauses; shorter where the process wants to end.
func (s *Spool) wait(d time.Duration) {
	select {
	case <-s.closing:
		d = min(d, firstPause)
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	case <-s.closed(d):
	}
}

// closed is closing for a wait that Close may cut short.
func (s *Spool) closed(d time.Duration) <-chan struct{} {
	if d <= firstPause {
		return nil
	}
	return s.closing
}

// pass writes one batch, and removes what is done with.
func (s *Spool) pass(failures int) (wrote int, err error) {
	if time.Since(s.looked) >= s.o.LookEvery {
		s.adopt()
	}
	s.journal.turn(s.o.SegmentAge)
	s.fill()
	s.noteOldest()
	switch {
	case len(s.pending) == 0:
	case failures >= takeApart:
		wrote, err = s.oneByOne()
	default:
		if err = s.send(s.pending); err == nil {
			wrote = len(s.pending)
			s.acknowledge(s.pending)
			s.pending = s.pending[:0]
		}
	}
	if wrote > 0 || len(s.pending) == 0 {
		n, fault := s.trySuspects(wrote > 0)
		wrote, err = wrote+n, errors.Join(err, fault)
	}
	if wrote > 0 {
		err = nil // it is there, and what it refused comes again
	}
	if err != nil {
		return 0, err
	}
	return wrote, s.tidy()
}

func (s *Spool) noteOldest() {
	for _, list := range [][]*entry{s.suspects, s.pending} {
		if len(list) > 0 {
			s.oldest.Store(list[0].Time.Add(list[0].Latency).UnixNano())
			return
		}
	}
	s.oldest.Store(0)
}

// fill completes the batch: first what ended processes left, then our own, then what only
// memory holds.
func (s *Spool) fill() {
	size := 0
	for _, e := range s.pending {
		size += e.size
	}
	add := func(entries []*entry) {
		for _, e := range entries {
			size += e.size
		}
		s.pending = append(s.pending, entries...)
	}
	room := func() bool { return len(s.pending) < batchRecords && size < batchBytes }
	for i := 0; i < len(s.orphan) && room(); {
		o := s.orphan[i]
		entries, err := o.next(min(16, batchRecords-len(s.pending)))
		if err != nil && !errors.Is(err, errNewer) { // tried again
			s.complain("read", err)
			i++
			continue
		}
		if err != nil { // of a newer program: left alone
			s.complain("replay", err)
			s.orphan = slices.Delete(s.orphan, i, i+1)
			o.release()
			_ = o.lock.Close()
			continue
		}
		add(entries)
		if len(entries) == 0 {
			i++
		}
	}
	for room() {
		entries, err := s.live.next(min(16, batchRecords-len(s.pending)))
		if err != nil {
			s.complain("read", err)
		}
		if len(entries) == 0 {
			break
		}
		add(entries)
	}
	for room() {
		select {
		case e := <-s.memory:
			add([]*entry{e})
			continue
		default:
		}
		break
	}
}

func (s *Spool) send(entries []*entry) error {
	ctx, cancel := context.WithTimeout(s.ctx, writeTimeout)
	defer cancel()
	return s.o.Sink.AppendRequests(ctx, records(entries))
}

// oneByOne finds out whether single records are what the request log does not take. Those
// that it refused while it took others become suspects; if it took none, it is away, and
// those that were tried go to the back, so that the next attempt begins with others.
func (s *Spool) oneByOne() (wrote int, err error) {
	var refused []*entry
	row, rest := 0, s.pending // how many were refused in a row
	for len(rest) > 0 && row < giveUpAfter && s.ctx.Err() == nil {
		if fault := s.send(rest[:1]); fault != nil {
			err = fault
			refused = append(refused, rest[0])
			row++
		} else {
			wrote++
			s.acknowledge(rest[:1])
			row = 0
		}
		rest = rest[1:]
	}
	s.pending = slices.Clone(rest)
	if wrote > 0 {
		s.suspects = append(s.suspects, refused...)
	} else {
		s.pending = append(s.pending, refused...)
	}
	return wrote, err
}

// trySuspects sends each suspect alone. One that is refused often enough while the request
// log takes others is put aside.
func (s *Spool) trySuspects(there bool) (wrote int, err error) {
	var left []*entry
	for i, e := range s.suspects {
		fault := s.send(s.suspects[i : i+1])
		switch {
		case fault == nil:
			wrote++
			s.acknowledge(s.suspects[i : i+1])
			continue
		case there:
			if e.lost++; e.lost >= takeApart && s.reject(e, fault) {
				continue
			}
		}
		err = fault
		left = append(left, e)
		if !there {
			left = append(left, s.suspects[i+1:]...)
			break
		}
	}
	s.suspects = left
	return wrote, err
}

// reject puts a record aside that the request log takes from nobody, and says whether it is
// out of the way.
func (s *Spool) reject(e *entry, why error) bool {
	dir := filepath.Join(s.o.Dir, rejected)
	b := appendRecord([]byte(magic), e.seq, &e.RequestRecord, s.table)
	b = appendMark(b, kindDelivered, e.seq, s.table) // its record says how it ended
	err := s.o.disk.mkdir(dir)
	if err == nil { // durably: its segment is removed next
		err = s.o.disk.keep(filepath.Join(dir, strings.ToLower(rand.Text()[:12])+".seg"), b)
	}
	if err != nil {
		s.complain("reject", errors.Join(why, err))
		return false
	}
	s.metrics.rejected.Inc()
	s.o.Log.Error("request log", "act", "reject", "request_id", e.ID, "error", why.Error())
	s.done(e)
	return true
}

// acknowledge counts records that the request log has.
func (s *Spool) acknowledge(entries []*entry) {
	s.metrics.written.Add(float64(len(entries)))
	for _, e := range entries {
		if e.own {
			s.logged.Add(1)
			s.billed.Add(int64(e.Billed))
		} else {
			s.metrics.replayed.Inc()
			if strings.HasSuffix(e.Flags, unconfirmed) {
				s.metrics.unconfirmed.Inc()
			}
		}
		s.done(e)
	}
}

// done lets go of a record.
func (s *Spool) done(e *entry) {
	if e.from != nil {
		e.from.open--
	}
	if e.own {
		s.waiting.Add(-1)
	}
}

// tidy removes segments and folders that are done with, once the request log is durable.
func (s *Spool) tidy() error {
	type finished struct {
		*reader
		*segment
	}
	var done []finished
	for _, r := range s.readers() {
		for _, f := range r.finished() {
			done = append(done, finished{r, f})
		}
	}
	if len(done) > 0 && s.o.Sync != nil {
		if err := s.o.Sync(s.ctx); err != nil {
			for _, d := range slices.Backward(done) {
				d.segments = slices.Insert(d.segments, 0, d.segment)
			}
			return err
		}
	}
	var faults []error
	for _, d := range done {
		faults = append(faults, s.remove(d.reader, d.segment))
	}
	for i := 0; i < len(s.orphan); {
		o := s.orphan[i]
		if o.torn > 0 {
			s.metrics.torn.Add(float64(o.torn))
			s.o.Log.Warn("request log", "act", "cut", "folder", o.dir, "bytes", o.torn)
			o.torn = 0
		}
		if len(o.segments) > 0 || len(o.ready) > 0 || len(o.held) > 0 {
			i++
			continue
		}
		faults = append(faults, s.bury(o))
		s.orphan = slices.Delete(s.orphan, i, i+1)
	}
	if err := errors.Join(faults...); err != nil {
		s.complain("remove", err)
	}
	return nil
}

// remove deletes the file of a finished segment, or puts a damaged one aside.
func (s *Spool) remove(r *reader, seg *segment) error {
	s.journal.bytes.Add(-seg.size)
	aside := filepath.Join(s.o.Dir, damaged)
	var err error
	if seg.damaged {
		err = s.o.disk.mkdir(aside)
	}
	return errors.Join(err, r.remove(seg, aside))
}

func (s *Spool) readers() []*reader {
	out := []*reader{s.live}
	for _, o := range s.orphan {
		out = append(out, o.reader)
	}
	return out
}

// adopt looks for what processes that have ended left behind.
func (s *Spool) adopt() {
	s.looked = time.Now()
	found, err := s.orphans()
	if err != nil {
		s.complain("adopt", err)
	}
	for _, o := range found {
		s.o.Log.Info("request log", "act", "adopt", "folder", o.dir, "segments", len(o.segments))
	}
	s.orphan = append(s.orphan, found...)
}

// leave unlocks every folder, and removes our own where nothing is left in it.
func (s *Spool) leave() error {
	var faults []error
	for _, o := range s.orphan {
		o.release()
		faults = append(faults, o.lock.Close())
	}
	s.live.follow()
	for _, seg := range s.live.segments {
		seg.complete = true
		if !seg.done() {
			return errors.Join(append(faults, s.lock.Close())...)
		}
	}
	if s.o.Sync != nil {
		ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
		defer cancel()
		if err := s.o.Sync(ctx); err != nil {
			return errors.Join(append(faults, err, s.lock.Close())...)
		}
	}
	release, err := guard(s.o.Dir)
	if err != nil {
		return errors.Join(append(faults, err, s.lock.Close())...)
	}
	defer release()
	for _, seg := range s.live.finished() {
		faults = append(faults, s.remove(s.live, seg))
	}
	return errors.Join(append(faults, removeFolder(s.journal.dir, s.lock))...)
}

// oldestAge is for the gauge.
func (s *Spool) oldestAge() float64 {
	at := s.oldest.Load()
	if at == 0 {
		return 0
	}
	return max(0, time.Since(time.Unix(0, at)).Seconds())
}

func records(entries []*entry) []stylesprint.RequestRecord {
	out := make([]stylesprint.RequestRecord, len(entries))
	for i, e := range entries {
		out[i] = e.RequestRecord
	}
	return out
}
