package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// logFlush is how long a line of the log waits for company.
const logFlush = 100 * time.Millisecond

// logBuffer gathers lines, so that a busy server does not make a system call for each.
// Warnings and errors go out at once, with all that came before them.
type logBuffer struct {
	mu    sync.Mutex
	out   *bufio.Writer
	timer *time.Timer
	armed bool
}

func newLogBuffer(w io.Writer) *logBuffer {
	b := &logBuffer{out: bufio.NewWriterSize(w, 32<<10)}
	b.timer = time.AfterFunc(time.Hour, b.Flush)
	return b
}

// Write keeps a line for a moment. A log that cannot be written has nobody to tell.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.armed {
		b.armed = true
		b.timer.Reset(logFlush)
	}
	return b.out.Write(p)
}

// Flush writes what is kept.
func (b *logBuffer) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = false
	_ = b.out.Flush()
}

// Close stops the timer and writes what is kept.
func (b *logBuffer) Close() error {
	b.timer.Stop()
	b.Flush()
	return nil
}

// flushing is a slog.Handler over a logBuffer.
type flushing struct {
	slog.Handler
	buffer *logBuffer
}

func (f flushing) Handle(ctx context.Context, r slog.Record) error {
	err := f.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn || r.Message == "listening" {
		f.buffer.Flush()
	}
	return err
}

func (f flushing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return flushing{f.Handler.WithAttrs(attrs), f.buffer}
}

func (f flushing) WithGroup(name string) slog.Handler {
	return flushing{f.Handler.WithGroup(name), f.buffer}
}
