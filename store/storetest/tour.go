package storetest

import (
	"context"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/review"
)

// tour asks a store everything once, in one order, so that every statement is sent.
func tour(t *testing.T, s Store) {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tourRuns(t, s, ok)
	tourRequests(t, s, ok)
	tourReviews(t, s, ok)
}

func tourRuns(t *testing.T, s Store, ok func(error)) {
	t.Helper()
	ctx := t.Context()
	full := filled[evaluate.Run](1)
	full.ID, full.Parent, full.Shards = "full", "", 0
	whole, part := run("whole", 5), run("part", 6)
	whole.Shards, part.Parent, part.Shard, part.Shards = 1, "whole", 1, 1
	save(t, s, full, whole, part, run("plain", 7), run("plain", 7))
	_, err := s.Run(ctx, "whole")
	ok(err)
	for _, f := range []evaluate.Filter{{}, {Dataset: "demo"}, {Before: "plain", Limit: 1}, {Parent: "whole"}, {Parent: "whole", Before: "part"}} {
		_, err := s.Runs(ctx, f)
		ok(err)
	}
	out := filled[evaluate.Output](1)
	out.RunID = "full"
	ok(s.SaveOutputs(ctx, out, evaluate.Output{RunID: "plain", ItemID: "a"}, evaluate.Output{RunID: "plain", ItemID: "b"}))
	none := func(evaluate.Output) error { return nil }
	ok(s.Outputs(ctx, "plain", none))
	if pages, can := s.(interface {
		OutputsAfter(ctx context.Context, last evaluate.Output, yield func(evaluate.Output) error) error
	}); can {
		ok(pages.OutputsAfter(ctx, evaluate.Output{RunID: "plain", ItemID: "a"}, none))
	}
	ok(s.SaveStatistics(ctx, "whole", []byte{0, 1, 255}))
	_, err = s.Statistics(ctx, "whole")
	ok(err)
}

func tourRequests(t *testing.T, s Store, ok func(error)) {
	t.Helper()
	ctx := t.Context()
	full := filled[stylesprint.RequestRecord](1)
	full.ID, full.Time = "full", start()
	records := []stylesprint.RequestRecord{full, record("plain", "m", 3), record("other", "n", 4)}
	ok(s.AppendRequests(ctx, records))
	ok(s.AppendRequests(ctx, records))
	for _, f := range []stylesprint.RequestFilter{{}, {Model: "m"}, {Since: start()}, {Before: "other", Limit: 1}} {
		_, err := s.Requests(ctx, f)
		ok(err)
	}
	_, err := s.SummariseRequests(ctx, start())
	ok(err)
	_, err = s.PruneRequests(ctx, start().AddDate(0, 0, 2))
	ok(err)
}

func tourReviews(t *testing.T, s Store, ok func(error)) {
	t.Helper()
	ctx := t.Context()
	create(t, s, task("one", 1), task("two", 2))
	for _, f := range []review.Filter{{}, {Before: "two", Limit: 1}} {
		_, err := s.Reviews(ctx, f)
		ok(err)
	}
	b := book(t, s, "one")
	c := review.Change{Task: &b.Task, Raters: b.Raters[:1], Seats: []review.Seat{{Pair: 1, Rater: b.Raters[0].ID, Expires: start()}},
		Votes: []review.Vote{{Pair: 1, Hash: "hash1", Rater: b.Raters[0].ID, Choice: review.Tie, Time: start()}}}
	ok(change(s, "one", c))
	c.Votes = nil
	ok(change(s, "one", c))
	_, err := s.ReviewPairs(ctx, "one")
	ok(err)
	_, err = s.ReviewPairs(ctx, "one", 1, 2)
	ok(err)
	_, err = s.ReviewVotes(ctx, []string{"hash1"})
	ok(err)
	_, err = s.ReviewRater(ctx, b.Raters[0].TokenHash)
	ok(err)
}
