package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// The task ends with its context, and what it watches grows with what is allocated.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	before := allocated()
	kept := make([][]byte, 0, 64)
	for range 64 {
		kept = append(kept, make([]byte, 1<<16))
	}
	if now := allocated(); now-before < 64<<16 {
		t.Errorf("%d bytes were allocated, of %d", now-before, len(kept)<<16)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	giveBack(ctx)
}

func TestPercent(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 12 << 20: 400, 24 << 20: 200, 48 << 20: 100, 1 << 30: 100} {
		if got := percent(live, 100); got != want {
			t.Errorf("%d bytes live: %d %%, want %d", live, got, want)
		}
	}
	if got := percent(1, 800); got != 800 {
		t.Errorf("%d %% where 800 is the least", got)
	}
}

// Each collection is followed by a look, and the end brings back what was. Not parallel: it sets
// what the process has once.
func TestGiveRoom(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		t.Skip("GOGC is set, and stays")
	}
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	end := giveRoom()
	becomes := func(what string, fits func(percent int) bool) {
		for range 500 {
			runtime.GC()
			if fits(int(runtimeMetric("/gc/gogc:percent"))) {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Errorf("the percentage did not become %s", what)
	}
	if runtimeMetric("/gc/heap/live:bytes") < roomBytes/2 {
		becomes("more", func(p int) bool { return p > 100 })
		block := make([]byte, 2*roomBytes)
		becomes("100 on a heap that has grown", func(p int) bool { return p == 100 })
		runtime.KeepAlive(block)
		becomes("more again", func(p int) bool { return p > 100 })
	}
	end()
	becomes("what it was", func(p int) bool { return p == 100 })
}
