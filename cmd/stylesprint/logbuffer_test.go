package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) lines() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.String(), "\n")
}

func TestLogBuffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		b := newLogBuffer(&out)
		log := slog.New(flushing{slog.NewJSONHandler(b, nil), b})
		log.Info("one")
		if out.lines() != 0 {
			t.Error("a line does not wait")
		}
		time.Sleep(logFlush)
		synctest.Wait()
		if out.lines() != 1 {
			t.Errorf("%d lines after the wait", out.lines())
		}
		log.Info("two")
		log.With("a", 1).WithGroup("g").Warn("three")
		if out.lines() != 3 {
			t.Errorf("%d lines after a warning", out.lines())
		}
		log.Info("four")
		if err := b.Close(); err != nil || out.lines() != 4 {
			t.Errorf("%d lines after the end, %v", out.lines(), err)
		}
	})
}
