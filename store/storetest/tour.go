package storetest

import (
	"context"
	"testing"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/evaluate"
	"stylesprint/evaluate/review"
	"stylesprint/release"
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
	if pings, can := s.(interface{ Ping(context.Context) error }); can {
		ok(pings.Ping(t.Context()))
	}
	tourRuns(t, s, ok)
	tourRequests(t, s, ok)
	tourTotals(t, s, ok)
	tourFeedback(t, s, ok)
	tourReviews(t, s, ok)
	tourAccess(t, s, ok)
	tourReleases(t, s, ok)
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

func tourTotals(t *testing.T, s Store, ok func(error)) {
	t.Helper()
	ctx := t.Context()
	_, records := madeRecords()
	records[0].Prompt, records[1].Response = "a prompt", "an answer"
	ok(s.AppendRequests(ctx, records[:60]))
	ok(s.AppendRequests(ctx, records[30:90])) // half of them again
	for _, f := range []stylesprint.TotalFilter{
		{}, {ByDay: true, ByKey: true, ByModel: true}, {ByKey: true, Model: "big"},
		{Since: start(), Until: start(), KeyID: "k1", Model: "small", ByDay: true},
	} {
		_, err := s.RequestTotals(ctx, f)
		ok(err)
	}
	_, err := s.PruneRequestBodies(ctx, start())
	ok(err)
}

func tourFeedback(t *testing.T, s Store, ok func(error)) {
	t.Helper()
	ctx := t.Context()
	full := filled[stylesprint.Feedback](1)
	ok(s.AddFeedback(ctx, full))
	ok(s.AddFeedback(ctx, full))
	ok(s.AddFeedback(ctx, stylesprint.Feedback{ID: "of r0", RequestID: "r0", Time: start(), Rating: 1, Consent: true, Subject: "anna"}))
	ok(s.AddFeedback(ctx, stylesprint.Feedback{ID: "old", RequestID: "r1", Time: start(), Rating: -1}))
	ok(s.FeedbackExamples(ctx, func(stylesprint.FeedbackExample) error { return nil }))
	_, err := s.ExpireFeedback(ctx, start().AddDate(1, 0, 0))
	ok(err)
	_, err = s.EraseFeedback(ctx, "anna")
	ok(err)
}

func tourAccess(t *testing.T, s Store, ok func(error)) {
	t.Helper()
	ctx := t.Context()
	full := filled[access.Key](1)
	full.ID = "full"
	createKey(t, s, full)
	createKey(t, s, access.Key{ID: "plain", Hash: "h", Created: start()})
	_, err := s.RevokeKey(ctx, "plain", start(), entry(access.ActionKeyRevoked, "plain"))
	ok(err)
	_, _, err = s.Keys(ctx)
	ok(err)
	claim := access.Claim{KeyID: "full", Resource: access.Spending, Window: start(), Replica: "one", Limit: 100, Used: 7, Want: 40, Now: start(), Last: start(), Expires: start()}
	other, free := claim, claim
	other.Replica, free.Resource, free.Limit = "two", access.Tokens, 0
	for range 2 {
		_, err = s.Lease(ctx, []access.Claim{claim, other, free})
		ok(err)
	}
	_, err = s.KeyUsage(ctx, start())
	ok(err)
	ok(s.DropQuotas(ctx, start().AddDate(0, 0, 1)))
	one := filled[access.Session](1)
	one.Hash = "one"
	ok(s.CreateSession(ctx, one))
	ok(s.CreateSession(ctx, access.Session{Hash: "two", Seen: start(), Expires: start()}))
	_, err = s.Session(ctx, "one")
	ok(err)
	ok(s.TouchSession(ctx, "one", start()))
	ok(s.EndSession(ctx, "one"))
	ok(s.DropSessions(ctx, start(), start()))
	ok(s.AppendAudit(ctx, filled[access.AuditEntry](1)))
	for _, f := range []access.AuditFilter{{}, {Action: access.ActionKeyCreated, Before: 3, Limit: 1}} {
		_, err = s.AuditEntries(ctx, f)
		ok(err)
	}
}

func tourReleases(t *testing.T, s Store, ok func(error)) {
	t.Helper()
	ctx := t.Context()
	full := filled[release.Release](1)
	for _, r := range []release.Release{full, full, {Hash: "plain", Created: start()}} { // one of them twice
		_, _, err := s.CreateRelease(ctx, r)
		ok(err)
	}
	_, err := s.Release(ctx, "r1")
	ok(err)
	for _, f := range []release.Filter{{}, {Before: 2, Limit: 1}} {
		_, err = s.Releases(ctx, f)
		ok(err)
	}
	v := filled[release.Verdict](1)
	v.Release = "r1"
	ok(s.AddVerdict(ctx, v))
	ok(s.AddVerdict(ctx, release.Verdict{Release: "r2", At: start()}))
	a := filled[release.Assignment](1)
	a.Route, a.Number = "full", 1
	ok(s.Assign(ctx, a))
	ok(s.Assign(ctx, release.Assignment{Route: "plain", Number: 1, Kind: release.Promoted, At: start()}))
	for _, of := range []string{"", "r1"} {
		_, err = s.Verdicts(ctx, of)
		ok(err)
	}
	for _, of := range []string{"", "full"} {
		_, err = s.Assignments(ctx, of)
		ok(err)
	}
	_, err = s.AssignmentRevision(ctx)
	ok(err)
}
