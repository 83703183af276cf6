package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names below the spool's folder that are not those of a process.
const (
	lockName = "lock"
	damaged  = "damaged"  // segments with a bad frame in the middle
	rejected = "rejected" // records that the request log would not take
)

// guard holds the lock of the whole folder for a moment, so that nobody takes the folder of
// a process that has made it and not locked it yet.
func guard(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		ok, err := tryLock(f)
		if err == nil && ok {
			return func() { _ = f.Close() }, nil // which unlocks it
		}
		if err == nil && time.Now().Before(deadline) {
			continue
		}
		if err == nil {
			err = errors.New("another process holds " + f.Name())
		}
		return nil, errors.Join(fmt.Errorf("lock the spool: %w", err), f.Close())
	}
}

// hold locks one process's folder until the file is closed or the process ends; nil if a
// living process has it. The spool's guard must be held.
func hold(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the spool's folder: %w", err)
	}
	ok, err := tryLock(f)
	if err != nil || !ok {
		_ = f.Close() // never written
	}
	if err != nil {
		return nil, fmt.Errorf("lock the spool's folder: %w", err)
	}
	if !ok {
		return nil, nil
	}
	return f, nil
}

// own makes and locks a folder for this process.
func own(root string, disk medium) (dir string, lock *os.File, err error) {
	release, err := guard(root)
	if err != nil {
		return "", nil, err
	}
	defer release()
	dir = filepath.Join(root, strings.ToLower(rand.Text()[:12]))
	if err := disk.mkdir(dir); err != nil {
		return "", nil, fmt.Errorf("make the spool's folder: %w", err)
	}
	lock, err = hold(dir)
	if err == nil && lock == nil {
		err = fmt.Errorf("the spool's folder %s is taken", dir)
	}
	return dir, lock, err
}

// orphan is the locked folder of a process that has ended.
type orphan struct {
	*reader
	lock *os.File
}

// orphans locks the folders of processes that have ended, but those that skip names.
func (s *Spool) orphans() ([]*orphan, error) {
	release, err := guard(s.o.Dir)
	if err != nil {
		return nil, err
	}
	defer release()
	names, err := os.ReadDir(s.o.Dir)
	if err != nil {
		return nil, fmt.Errorf("list the spool: %w", err)
	}
	var out []*orphan
	var faults []error // of one folder, which keeps no other back
	for _, n := range names {
		dir := filepath.Join(s.o.Dir, n.Name())
		if !n.IsDir() || n.Name() == damaged || n.Name() == rejected || s.known[dir] {
			continue
		}
		lock, err := hold(dir)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if lock == nil {
			continue
		}
		o := &orphan{newReader(dir, nil, s.table), lock}
		bytes, err := o.scan()
		if err != nil {
			faults = append(faults, err, lock.Close())
			continue
		}
		s.known[dir] = true
		s.journal.bytes.Add(bytes)
		out = append(out, o)
	}
	return out, errors.Join(faults...)
}

// bury removes an orphan's folder, whose segments are gone.
func (s *Spool) bury(o *orphan) error {
	release, err := guard(s.o.Dir)
	if err != nil {
		return err
	}
	defer release()
	o.release()
	delete(s.known, o.dir)
	return removeFolder(o.dir, o.lock)
}

// removeFolder removes a folder that holds a lock alone, and unlocks it.
func removeFolder(dir string, lock *os.File) error {
	// Closed first: Windows removes no open file. The guard keeps others away meanwhile.
	return errors.Join(lock.Close(), os.Remove(filepath.Join(dir, lockName)), os.Remove(dir))
}
