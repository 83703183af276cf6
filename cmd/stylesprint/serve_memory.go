package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How the server notices that a load is over.
const (
	restEvery = 10 * time.Second
	restBytes = 16 << 20  // allocated within restEvery: less is rest
	workBytes = 128 << 20 // allocated since memory was given back: more is worth doing it again
)

// giveBack returns memory to the system once a load is over, until ctx ends: the collector
// keeps what it needed at the busiest moment for the next one.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	last := allocated()
	given := last
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := allocated()
		if now-last < restBytes && now-given > workBytes {
			debug.FreeOSMemory()
			given = now
		}
		last = now
	}
}

// allocated is how many bytes the process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
