package spool

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// file is what a journal writes to: an *os.File.
type file interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Close() error
}

// medium is where segments are made and folders made durable; tests cut its power. The zero
// value, with defaults, is the system's.
type medium struct {
	create func(path string) (file, error)
	folder func(dir string) error // makes the names in a folder durable
}

func (m medium) withDefaults() medium {
	if m.create == nil {
		m.create = create
	}
	if m.folder == nil {
		m.folder = syncFolder
	}
	return m
}

// mkdir makes a folder, and those that it stands in, durably, unless they are there.
func (m medium) mkdir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := m.mkdir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	err := m.folder(parent)
	if err == nil || errors.Is(err, os.ErrPermission) { // a folder above ours that may be passed and not read
		return nil
	}
	return errors.Join(err, os.Remove(dir)) // or it would be taken for durable the next time
}

// keep writes a new file, durably, or leaves none.
func (m medium) keep(path string, content []byte) error {
	f, err := m.create(path)
	if err != nil {
		return err
	}
	n, err := f.Write(content)
	if err == nil && n < len(content) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = m.folder(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// create makes the file of a new segment, readable by its owner alone: it can hold prompts.
func create(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
}

// syncFolder makes the names in a folder durable, where the system knows how.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) { // Windows
		err = nil
	}
	return errors.Join(err, d.Close())
}
