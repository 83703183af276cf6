package main

import (
	"context"
	"testing"
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
