package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// How the server notices that a load is over.
const (
	restEvery = 10 * time.Second
	restBytes = 16 << 20  // allocated within restEvery: less is rest
	workBytes = 128 << 20 // allocated since memory was given back: more is worth doing it again
)

// giveBack returns memory to the system once a load is over, until ctx ends: the collector
// keeps what it needed at the busiest moment for the next one. Meanwhile it runs rarely.
func giveBack(ctx context.Context) {
	defer giveRoom()()
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

// How rarely the collector runs on a small heap: it would collect every few megabytes, many
// times a second under load.
const (
	roomBytes   = 48 << 20 // may be allocated between two collections at least
	mostPercent = 400
)

// giveRoom lets the heap grow by roomBytes before it is collected, whatever is live, until the
// returned function is called. It looks anew after each collection, so that a heap that has
// grown is collected as ever. A percentage that the environment sets (GOGC) stays.
func giveRoom() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	was := int(runtimeMetric("/gc/gogc:percent"))
	var ended atomic.Bool
	var watch func()
	watch = func() {
		runtime.AddCleanup(new(*int), func(struct{}) { // runs after the next collection
			if ended.Load() {
				debug.SetGCPercent(was)
				return
			}
			if p, now := percent(runtimeMetric("/gc/heap/live:bytes"), was), int(runtimeMetric("/gc/gogc:percent")); p < now || p > now+now/8 {
				debug.SetGCPercent(p)
			}
			watch()
		}, struct{}{})
	}
	watch()
	return func() { ended.Store(true) }
}

// percent is how much a heap may grow before it is collected; least is what it may in any case.
func percent(live uint64, least int) int {
	return max(least, int(min(mostPercent, roomBytes*100/max(live, 1))))
}

// allocated is how many bytes the process has allocated so far.
func allocated() uint64 { return runtimeMetric("/gc/heap/allocs:bytes") }

// runtimeMetric reads one of the runtime's metrics that are whole numbers.
func runtimeMetric(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
