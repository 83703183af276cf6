package review_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate/review"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

func sides(req generate.Request) (a, b string) {
	text := fake.Text(req)
	_, text, _ = strings.Cut(text, "\nText A:\n")
	a, text, _ = strings.Cut(text, "\nText B:\n")
	b, _, _ = strings.Cut(text, "\nWhich is better?")
	return strings.TrimSpace(a), strings.TrimSpace(b)
}

// A judge that likes lively words, but for one item always says A, and for another talks.
func judgeScript() fake.Script {
	return fake.Script{Answers: []fake.Answer{
		{Match: "name: Dress 3\n", Text: `{"verdict": "A"}`},
		{Match: "name: Dress 4\n", Text: "I like both of them."},
		{Write: func(req generate.Request) string {
			a, _ := sides(req)
			if strings.Contains(a, "lively") {
				return "```json\n{\"verdict\": \"A\"}\n```"
			}
			return `{"verdict": "B"}`
		}},
	}}
}

func TestJudgeIsKeptApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 8)
	ctx := context.Background()
	c := f.create(review.Plan{RunIDs: f.two(), Raters: 1})
	f.finish(c.Invites[0].Code, func(turn review.Turn) review.Answer {
		if turn.Number <= 2 {
			return prefers("flat")(turn)
		}
		return prefers("lively")(turn)
	})
	driver := fake.New(judgeScript())
	judge := review.Judge{Desk: f.Desk, Model: generate.New(driver, generate.Options{}), Name: "fake", Label: "fake/fake"}
	got, err := judge.Run(ctx, c.Task.ID)
	if err != nil || got.Pairs != 8 || got.Asked != 8 || got.Unread != 1 || got.Standing != 7 || got.Agreed != 6 {
		t.Fatalf("%+v, %v", got, err)
	}
	calls := driver.Calls()
	if len(calls) != 15 { // both orders of seven, and one answer that could not be read
		t.Errorf("%d calls", len(calls))
	}
	at := 0
	for strings.Contains(fake.Text(calls[at]), "name: Dress 4\n") { // asked once, as its answer could not be read
		at++
	}
	a, b := sides(calls[at])
	if x, y := sides(calls[at+1]); x != b || y != a || a == b {
		t.Errorf("the second question has not the sides swapped: %q and %q, then %q and %q", a, b, x, y)
	}
	for _, call := range calls {
		for _, secret := range []string{"run-plain", "run-voice", "candidate"} {
			if strings.Contains(fake.Text(call), secret) {
				t.Errorf("the judge is told %q", secret)
			}
		}
	}
	// Again: only what could not be read is asked about.
	if got, err = judge.Run(ctx, c.Task.ID); err != nil || got.Asked != 1 || got.Standing != 7 {
		t.Errorf("second run %+v, %v", got, err)
	}
	r := f.close(c.Task.ID)
	if r.Counts.Votes != 8 || r.Counts.Decided != 8 || r.Candidates[1].WinRate.Value != 6./8 || len(r.Raters) != 1 {
		t.Errorf("a model's verdicts are counted among people's: %+v, %+v", r.Counts, r.Candidates[1].WinRate)
	}
	if len(r.Judges) != 1 {
		t.Fatalf("judges %+v", r.Judges)
	}
	j := r.Judges[0]
	if j.Name != "fake/fake" || j.Judged != 7 || j.Agreed != 6 || math.Abs(j.Consistent.Value-6./7) > 1e-12 || j.WinRates[1].WinRate.Value != 1 {
		t.Errorf("judge %+v", j)
	}
	if j.Left.N != 14 || math.Abs(j.Left.Value-8./14) > 1e-12 {
		t.Errorf("position bias %+v, want 8 of 14 for the left", j.Left)
	}
	if j.Percent.N != 6 || j.Kappa.N != 6 {
		t.Errorf("agreement with people %+v, %+v", j.Percent, j.Kappa)
	}
	kinds := map[string]int{}
	if err := f.Rows(ctx, c.Task.ID, func(r review.Row) error { kinds[r.Kind]++; return nil }); err != nil || kinds["human"] != 8 || kinds["model"] != 14 {
		t.Errorf("exported %v, %v", kinds, err)
	}
	// Votes of a model are never taken over as people's.
	next := f.create(review.Plan{RunIDs: []string{"run-plain", "run-voice"}, Raters: 2, Reuse: true})
	if next.Reused != 8 {
		t.Errorf("%d votes were taken over", next.Reused)
	}
}

func TestJudgeStopsWhereItIsHopeless(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 3)
	ctx := context.Background()
	c := f.create(review.Plan{RunIDs: f.two()})
	run := func(err error) (review.Judgement, error) {
		client := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Err: err}}}), generate.Options{})
		return review.Judge{Desk: f.Desk, Model: client, Name: "m"}.Run(ctx, c.Task.ID)
	}
	got, err := run(&stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "no"})
	wantCode(t, "a wrong key", err, stylesprint.CodeUnauthorized)
	if got.Asked != 1 {
		t.Errorf("asked %d times", got.Asked)
	}
	got, err = run(&stylesprint.Error{Code: stylesprint.CodeRefused, Message: "declined"})
	if err != nil || got.Failed != 3 || got.Failure != "declined" || got.Standing != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if book := must(f.db.ReviewBook(ctx, c.Task.ID))(t); len(book.Votes) != 0 {
		t.Errorf("%d votes were stored", len(book.Votes))
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	client := generate.New(fake.New(judgeScript()), generate.Options{})
	if _, err := (review.Judge{Desk: f.Desk, Model: client, Name: "m"}).Run(ended, c.Task.ID); err == nil {
		t.Error("a context that ended stopped nothing")
	}
}

func ExampleContentHash() {
	a, _ := review.ContentHash(map[string]string{"name": "Mira"}, "one", "two")
	b, _ := review.ContentHash(map[string]string{"name": "Mira"}, "two", "one")
	fmt.Println(a == b, len(a))
	// Output: true 64
}
