package hub

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// mapping is a whole file in memory, read-only.
type mapping struct {
	data  []byte
	once  sync.Once
	unmap func() error
}

// openMapping maps a regular file. Changing the file while it is mapped is not
// supported; files of the cache are replaced by renaming, never written in place.
func openMapping(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &FormatError{Path: path, Reason: "not a regular file"}
	}
	if info.Size() == 0 {
		return nil, &FormatError{Path: path, Reason: "the file is empty"}
	}
	if int64(int(info.Size())) != info.Size() {
		return nil, &FormatError{Path: path, Reason: fmt.Sprintf("%d bytes cannot be mapped on this machine", info.Size())}
	}
	data, unmap, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return &mapping{data: data, unmap: unmap}, nil
}

// Close frees the memory; closing twice does nothing.
func (m *mapping) Close() error {
	var err error
	m.once.Do(func() {
		if m.unmap != nil {
			err = m.unmap()
		}
		m.data = nil
	})
	return err
}

func closeAll(ms []*mapping) error {
	var errs []error
	for _, m := range ms {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}
