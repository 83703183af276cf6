package hub

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

const lockPoll = 100 * time.Millisecond

// lock waits until no other process and no other goroutine works on a model. The
// lock file stays: deleting it would let two holders lock different files.
func (c *Cache) lock(ctx context.Context, model string) (unlock func(), err error) {
	dir := filepath.Join(c.options.Dir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, c.fileFault(model, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, model+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, c.fileFault(model, err)
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for waiting := false; ; waiting = true {
		held, err := tryLock(f)
		if held {
			return func() { f.Close() }, nil
		}
		if err != nil {
			f.Close()
			return nil, c.fileFault(model, err)
		}
		if !waiting {
			c.report(Progress{Model: model, Stage: Waiting})
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, cancelled(model, ctx.Err())
		case <-tick.C:
		}
	}
}
