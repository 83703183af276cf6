package main

import (
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	clock := time.Unix(0, 0)
	p := &progress{out: &out, now: func() time.Time { return clock }, label: "model", unit: "B", start: clock, since: clock, last: clock}
	for range 30 {
		clock = clock.Add(time.Second)
		p.update(int64(clock.Unix())*1e6, 60e6)
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != 3 {
		t.Fatalf("%d lines in 30 s, want one every ten seconds:\n%s", len(got), out.String())
	}
	const want = "model  [============            ]  50 %  30.0 MB of 60.0 MB  1.0 MB/s  30s left"
	if got[2] != want {
		t.Errorf("got  %q\nwant %q", got[2], want)
	}
	out.Reset()
	q := &progress{out: &out, now: func() time.Time { return clock }, quiet: true}
	q.say("x")
	q.update(1, 2)
	if out.Len() > 0 {
		t.Errorf("--quiet printed %q", out.String())
	}
}
