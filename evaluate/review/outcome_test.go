package review_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/review"
)

func TestIdenticalTextsAreTies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 10)
	ids := []string{
		f.run("r1", "a", func(i int) string { return fmt.Sprint("flat ", i) }),
		f.run("r2", "b", func(i int) string { return map[bool]string{true: "flat ", false: "lively "}[i < 4] + fmt.Sprint(i) }),
	}
	c := f.create(review.Plan{RunIDs: ids, Raters: 1})
	if c.Task.Pairs != 6 || c.Task.Same != 4 {
		t.Fatalf("task %+v", c.Task)
	}
	if n := len(f.finish(c.Invites[0].Code, prefers("lively"))); n != 6 {
		t.Errorf("%d pairs shown", n)
	}
	r := f.close(c.Task.ID)
	if w := r.Candidates[1].WinRate; math.Abs(w.Value-.8) > 1e-12 || w.N != 10 {
		t.Errorf("win rate %+v, want 6 wins and 4 halves of 10", w)
	}
	if d := r.Duels[0]; d.Same != 4 || d.Losses != 6 {
		t.Errorf("duel %+v", d)
	}
	all := []string{f.run("r3", "c", func(i int) string { return "x" }), f.run("r4", "d", func(i int) string { return "x" })}
	_, err := f.Create(context.Background(), review.Plan{RunIDs: all, Data: f.data})
	wantCode(t, "runs of the same texts", err, stylesprint.CodeConflict)
}

func TestVotesSurviveReruns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 6)
	ids := f.two()
	first := f.create(review.Plan{RunIDs: ids, Raters: 1, Seed: 1})
	f.finish(first.Invites[0].Code, prefers("lively"))
	if c := f.create(review.Plan{RunIDs: ids, Raters: 2}); c.Offered != 0 {
		t.Error("votes of an open task are offered")
	}
	must(f.Close(context.Background(), first.Task.ID))(t)
	// A rerun made the same texts for all but two items; the runs come in another order.
	again := []string{ids[1], f.run("run-plain-2", "plain again", func(i int) string {
		if i >= 4 {
			return fmt.Sprint("flat but new ", i)
		}
		return fmt.Sprintf("flat text %d", i)
	})}
	if c := f.create(review.Plan{RunIDs: again, Raters: 2}); c.Offered != 4 || c.Reused != 0 {
		t.Errorf("offered %d, reused %d", c.Offered, c.Reused)
	}
	c := f.create(review.Plan{RunIDs: again, Raters: 1, Reuse: true})
	if c.Offered != 4 || c.Reused != 4 {
		t.Fatalf("offered %d, reused %d", c.Offered, c.Reused)
	}
	if n := len(f.finish(c.Invites[0].Code, prefers("flat"))); n != 2 {
		t.Errorf("%d pairs shown, want the two new ones", n)
	}
	r := f.close(c.Task.ID)
	if r.Counts.Reused != 4 || r.Counts.Votes != 6 || r.Candidates[0].Name != "voice" || math.Abs(r.Candidates[0].WinRate.Value-4./6) > 1e-12 {
		t.Errorf("%+v, %+v", r.Counts, r.Candidates[0].WinRate)
	}
}

func TestRefusedPlans(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 3)
	ids := f.two()
	ctx := context.Background()
	running := evaluate.Run{ID: "run-late", DatasetHash: f.data.Hash, Status: evaluate.StatusRunning}
	other := evaluate.Run{ID: "run-other", DatasetHash: "else", Status: evaluate.StatusDone}
	for _, r := range []evaluate.Run{running, other} {
		if err := f.db.SaveRun(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		plan review.Plan
		code stylesprint.Code
		want string
	}{
		"one run":      {review.Plan{RunIDs: ids[:1]}, stylesprint.CodeInvalid, "at least two"},
		"twice":        {review.Plan{RunIDs: []string{ids[0], ids[0]}}, stylesprint.CodeInvalid, "named twice"},
		"unknown":      {review.Plan{RunIDs: []string{ids[0], "nobody"}}, stylesprint.CodeNotFound, "nobody"},
		"running":      {review.Plan{RunIDs: []string{ids[0], "run-late"}}, stylesprint.CodeConflict, "not done"},
		"other items":  {review.Plan{RunIDs: []string{ids[0], "run-other"}}, stylesprint.CodeConflict, "different items"},
		"raters":       {review.Plan{RunIDs: ids, Raters: 21}, stylesprint.CodeInvalid, "raters"},
		"invites":      {review.Plan{RunIDs: ids, Raters: 3, Invites: 2}, stylesprint.CodeInvalid, "invites"},
		"repeats":      {review.Plan{RunIDs: ids, Repeats: math.NaN()}, stylesprint.CodeInvalid, "repeats"},
		"many repeats": {review.Plan{RunIDs: ids, Repeats: .6}, stylesprint.CodeInvalid, "repeats"},
		"items":        {review.Plan{RunIDs: ids, Items: -1}, stylesprint.CodeInvalid, "items"},
		"name":         {review.Plan{RunIDs: ids, Name: strings.Repeat("x", 90)}, stylesprint.CodeInvalid, "name"},
	} {
		c.plan.Data = f.data
		_, err := f.Create(ctx, c.plan)
		if stylesprint.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Create(ctx, review.Plan{RunIDs: ids, Data: dataset.Dataset{Name: "x", Hash: "y"}}); stylesprint.CodeOf(err) != stylesprint.CodeConflict {
		t.Errorf("another dataset: %v", err)
	}
	_, err := f.Next(ctx, "guess")
	wantCode(t, "a code that is not known", err, stylesprint.CodeNotFound)
	c := f.create(review.Plan{RunIDs: ids})
	f.next(c.Invites[0].Code)
	for _, b := range []review.Ballot{{Turn: 1}, {Turn: 1, Answer: "left"}, {Turn: 1, Answer: review.AnswerA, A: review.Marks{Voice: 6}}, {Turn: 1, Answer: review.AnswerA, B: review.Marks{Accuracy: -1}}, {Turn: 1, Answer: review.AnswerA, Comment: strings.Repeat("é", 2001)}} {
		wantCode(t, fmt.Sprintf("%.40v", b), f.Vote(ctx, c.Invites[0].Code, b), stylesprint.CodeInvalid)
	}
	wantCode(t, "a long name", f.Begin(ctx, c.Invites[0].Code, strings.Repeat("x", 31)), stylesprint.CodeInvalid)
}

func TestThreeCandidates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 12)
	ids := append(f.two(), f.run("run-best", "best", func(i int) string { return fmt.Sprint("lively and dear ", i) }))
	c := f.create(review.Plan{RunIDs: ids, Raters: 1, PairsPerItem: 2})
	if c.Task.Pairs != 24 {
		t.Fatalf("%d pairs", c.Task.Pairs)
	}
	met := map[string]int{} // by who stands beside whom
	f.finish(c.Invites[0].Code, func(turn review.Turn) review.Answer {
		answer := prefers("dear")(turn)
		if answer == review.AnswerTie {
			answer = prefers("lively")(turn)
		}
		both := turn.A + turn.B
		pair := fmt.Sprint(strings.Contains(both, "flat"), strings.Contains(both, "dear"))
		if met[pair]++; met[pair]%4 != 0 { // each loses now and then, so that strengths are finite
			return answer
		}
		if answer == review.AnswerA {
			return review.AnswerB
		}
		return review.AnswerA
	})
	r := f.close(c.Task.ID)
	sum := 0.0
	for _, d := range r.Duels {
		if got := d.Wins + d.Losses + d.Ties + d.Bad; got != 8 {
			t.Errorf("%s and %s met %d times, want 8", d.A, d.B, got)
		}
	}
	for _, s := range r.Candidates {
		if s.Strength.Log.Missing != "" || s.WinRate.N != 16 {
			t.Errorf("%+v", s)
		}
		sum += s.Strength.Log.Value
	}
	if math.Abs(sum) > 1e-9 || !(r.Candidates[2].Strength.Log.Value > r.Candidates[1].Strength.Log.Value && r.Candidates[1].Strength.Log.Value > r.Candidates[0].Strength.Log.Value) {
		t.Errorf("strengths %+v", r.Candidates)
	}
}

func TestDisagreementIsShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 8)
	c := f.create(review.Plan{RunIDs: f.two(), Raters: 2})
	f.finish(c.Invites[0].Code, prefers("lively"))
	code := c.Invites[1].Code
	for {
		turn := f.next(code)
		if turn.Over {
			break
		}
		word := "lively"
		b := review.Ballot{Turn: turn.Number, A: review.Marks{Accuracy: 4}, B: review.Marks{Accuracy: 4}}
		if turn.Number%4 == 0 {
			word, b.Comment = "flat", "too many adjectives"
		}
		b.Answer = prefers(word)(turn)
		f.vote(code, b)
	}
	r := f.close(c.Task.ID)
	if len(r.Examples) != 2 || r.Examples[0].Votes[1].Comment != "too many adjectives" || r.Examples[0].Votes[0].Words != "voice is better" || r.Examples[0].Votes[1].Words != "plain is better" {
		t.Errorf("examples %+v", r.Examples)
	}
	if a := r.Agreement[0].Score; math.Abs(a.Value-.75) > 1e-12 || a.N != 8 {
		t.Errorf("percent agreement %+v", a)
	}
	if len(r.Kappas) != 1 || r.Kappas[0].Score.Value != 0 || r.Kappas[0].Reading() != "slight" {
		t.Errorf("kappas %+v", r.Kappas)
	}
	if s := r.Candidates[0].Criteria[0]; s.Value != 4 || s.N != 8 || s.Level != 0 {
		t.Errorf("accuracy %+v", s)
	}
	if s := r.Candidates[0].Criteria[1]; s.Missing != "not measured: nobody gave a mark" {
		t.Errorf("voice %+v", s)
	}
	if strings.Contains(r.Winner, "plain") || r.Candidates[1].WinRate.Value != 14./16 {
		t.Errorf("%q, %+v", r.Sentence, r.Candidates[1].WinRate)
	}
}
