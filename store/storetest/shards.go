package storetest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
)

// testShards holds a parent and its shards against what lists and counters are to say.
func testShards(t *testing.T, s Store) {
	ctx := context.Background()
	whole := run("whole", 5)
	whole.Shards, whole.Total, whole.Done = 3, 30, 17
	save(t, s, run("old", 1), whole, run("new", 9))
	part := func(n, done, failed, repeated int) evaluate.Run {
		r := run(fmt.Sprintf("whole-%d", n), 10-n) // made in another order than that of their numbers
		r.Parent, r.Shard, r.Shards, r.Total, r.Done, r.Failed, r.RepeatedCalls = "whole", n, 3, 10, done, failed, repeated
		return r
	}
	got, err := s.Run(ctx, "whole")
	if err != nil || got.Done != 0 {
		t.Errorf("a sharded run without shards has %d outputs (%v), want 0", got.Done, err)
	}
	save(t, s, part(2, 4, 1, 1), part(1, 10, 2, 0), part(3, 0, 0, 3))
	other := part(1, 9, 9, 9)
	other.ID, other.Parent = "stray", "other"
	save(t, s, other)

	whole.Done, whole.Failed, whole.RepeatedCalls = 14, 3, 4
	if got, err = s.Run(ctx, "whole"); err != nil {
		t.Fatal(err)
	}
	equal(t, "a sharded run", got, whole)
	ids := func(f evaluate.Filter) string {
		t.Helper()
		runs, err := s.Runs(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range runs {
			out = append(out, fmt.Sprintf("%s %d", r.ID, r.Done))
		}
		return strings.Join(out, ", ")
	}
	equal(t, "runs that are no shard", ids(evaluate.Filter{}), "new 0, whole 14, old 0")
	equal(t, "runs of a dataset that are no shard", ids(evaluate.Filter{Dataset: "demo", Before: "new"}), "whole 14, old 0")
	equal(t, "shards", ids(evaluate.Filter{Parent: "whole"}), "whole-1 10, whole-2 4, whole-3 0")
	equal(t, "a page of shards", ids(evaluate.Filter{Parent: "whole", Limit: 1, Before: "whole-1"}), "whole-2 4")
	equal(t, "shards of a run that has none", ids(evaluate.Filter{Parent: "old"}), "")
}

func testStatistics(t *testing.T, s Store) {
	ctx := context.Background()
	save(t, s, run("r", 0))
	_, err := s.Statistics(ctx, "r")
	wantCode(t, "Statistics of a run without", err, stylesprint.CodeNotFound)
	wantCode(t, "SaveStatistics of an unknown run", s.SaveStatistics(ctx, "nobody", []byte{1}), stylesprint.CodeNotFound)
	for _, body := range [][]byte{{0, 255, 10}, bytes.Repeat([]byte("x"), 1<<20)} {
		if err := s.SaveStatistics(ctx, "r", body); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Statistics(ctx, "r"); err != nil || !bytes.Equal(got, body) {
			t.Errorf("statistics come back as %d bytes, %v", len(got), err)
		}
	}
}
