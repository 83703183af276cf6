package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A segment that cannot be opened now is no torn one: it stays, keeps no other folder back,
// and is replayed when it can be opened.
func TestSegmentThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &ledger{}
	content, _ := segmentOf(2)
	for _, name := range []string{"dead", "other"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	path := segmentPath(filepath.Join(dir, "dead"), 1)
	if err := os.Symlink(filepath.Base(path), path); err != nil { // to itself
		t.Skip(err)
	}
	other := appendMark(appendRecord([]byte(magic), 9, record("other"), castagnoli()), kindDelivered, 9, castagnoli())
	if err := os.WriteFile(segmentPath(filepath.Join(dir, "other"), 1), other, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: dir, Sink: log, LookEvery: 5 * time.Millisecond})
	commit(s, "own")
	eventually(t, "others are replayed", func() bool { return len(log.all()) == 2 })
	eventually(t, "the fault is counted", func() bool { return s.metric(t, "spool_failures_total") > 2 })
	if n := s.metric(t, "spool_torn_bytes_total"); n != 0 {
		t.Errorf("%v bytes were given up", n)
	}
	// The size that was seen first is the symlink's, so it is a new process that reads the file.
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir, Sink: log})
	eventually(t, "its records are replayed", func() bool { return strings.HasSuffix(log.ids(), "r0 r1") })
}

// The same in the folder of a process that lives: nothing is put aside, and reading goes on
// where it stood.
func TestOwnSegmentThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := prepare(Options{Dir: dir, Sink: &ledger{}})
	if err != nil {
		t.Fatal(err)
	}
	s.Commit(record("a"))(true)
	path := segmentPath(s.journal.dir, 1)
	hidden := path + ".hidden"
	if err := errors.Join(os.Rename(path, hidden), os.Symlink(filepath.Base(path), path)); err != nil {
		t.Skip(err)
	}
	if got, err := s.live.next(8); len(got) != 0 || !errors.Is(err, errClosed) {
		t.Errorf("%d records, %v", len(got), err)
	}
	if err := os.Rename(hidden, path); err != nil {
		t.Fatal(err)
	}
	s.Commit(record("b"))(true)
	if _, err := s.pass(0); err != nil || s.waiting.Load() != 0 || s.live.torn != 0 {
		t.Errorf("%v, %d wait, %d bytes torn", err, s.waiting.Load(), s.live.torn)
	}
	s.live.release()
	close(s.drained)
	close(s.synced)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What the disk does not give is put aside, not removed.
func TestUnreadableBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newReader(filepath.Join(dir, "dead"), nil, castagnoli())
	seg := &segment{end: end{1, 100}, read: 8, complete: true}
	r.segments = []*segment{seg}
	r.cut(seg, &os.PathError{Op: "read", Path: "x", Err: syscall.EIO})
	if !seg.damaged || r.torn != 92 {
		t.Errorf("damaged: %v, %d bytes", seg.damaged, r.torn)
	}
	for _, why := range []error{errShort, errSum, errForm} {
		seg.damaged, seg.read = false, 8
		if r.cut(seg, why); seg.damaged {
			t.Errorf("%v in the last segment is what a power cut leaves", why)
		}
	}
}

// A folder that cannot be locked keeps no other back.
func TestFolderThatCannotBeLocked(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &ledger{}
	content, _ := segmentOf(1)
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "aaa", lockName), 0o700), os.MkdirAll(filepath.Join(dir, "bbb"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segmentPath(filepath.Join(dir, "bbb"), 1), content, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir, Sink: log})
	eventually(t, "the other is replayed", func() bool { return log.ids() == "r0" })
}

// What could not be forced to the disk is tried again, and no sync that follows says that it
// is there before it is.
func TestSyncIsTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPlatter(t, t.TempDir())
	j := newJournal(p.root, 1)
	j.medium = p.medium()
	for range 2 { // the first segment is full with its first frame
		if err := j.append([]byte("frame")); err != nil {
			t.Fatal(err)
		}
	}
	p.broken = true
	for range 2 {
		if did, err := j.sync(); err == nil || !did {
			t.Fatalf("%v, %v", did, err)
		}
	}
	p.broken = false
	if did, err := j.sync(); err != nil || !did {
		t.Fatalf("%v, %v", did, err)
	}
	forced, names := map[*inode]bool{}, 0
	for _, e := range p.events {
		switch e.act {
		case synced:
			forced[e.ino] = true
		case named:
			names++
		}
	}
	if len(forced) != 2 || names == 0 {
		t.Errorf("%d files and %d times the folder were forced to the disk", len(forced), names)
	}
	if did, err := j.sync(); err != nil || did {
		t.Errorf("again: %v, %v", did, err)
	}
	if err := j.close(); err != nil {
		t.Error(err)
	}
}

// A folder or a file that could not be made durable is not there for whoever tries again.
func TestNotDurableIsNotThere(t *testing.T) {
	t.Parallel()
	p := newPlatter(t, t.TempDir())
	m := p.medium()
	dir := filepath.Join(p.root, "a", "b")
	p.broken = true
	if err := m.mkdir(dir); err == nil {
		t.Error("a folder was made on a broken disk")
	}
	p.broken = false
	if err := m.mkdir(dir); err != nil {
		t.Fatal(err)
	}
	p.broken = true
	if err := m.keep(filepath.Join(dir, "f"), []byte("content")); err == nil {
		t.Error("a file was kept on a broken disk")
	}
	p.broken = false
	if err := m.keep(filepath.Join(dir, "f"), []byte("content")); err != nil {
		t.Fatal(err)
	}
	p.full = true
	if err := m.keep(filepath.Join(dir, "g"), []byte("content")); err == nil {
		t.Error("a file was kept on a full disk")
	}
	s := (&platter{t: t, root: p.root}).start(nil, newFacts())
	for _, e := range p.events {
		s.next(e)
	}
	ino := s.tree[filepath.Join(dir, "f")]
	if _, there := s.tree[filepath.Join(p.root, "a")]; !there || ino == nil || string(s.nodes[ino].versions[0]) != "content" {
		t.Errorf("on the disk: %v", s.tree)
	}
}
