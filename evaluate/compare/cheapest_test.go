package compare_test

import (
	"fmt"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/internal/fakestore"
)

func TestCheapest(t *testing.T) {
	t.Parallel()
	wide := map[string]float64{"bleu": 8, "bleu-mean": 0.08, "similarity": 0.08}
	middle := stylesprint.Price{InputPerMillion: 0.5, OutputPerMillion: 2}
	for _, c := range []struct {
		name    string
		items   int
		against compare.Against
		margins map[string]float64
		writers []writer
		outcome compare.Outcome
		winner  string
		says    []string
	}{
		{"the cheapest of two within the margins of the best", 200, "", wide, []writer{
			{name: "best", wrong: 0.2, seed: 1, price: dear}, {name: "middle", wrong: 0.21, seed: 2, price: middle}, {name: "mini", wrong: 0.21, seed: 3, price: cheap}, {name: "poor", wrong: 0.5, seed: 4, price: stylesprint.Price{InputPerMillion: 0.01}}},
			compare.OutcomeCheapest, "mini", []string{"Take mini: it is the cheapest candidate within the margins (BLEU 8.00, ", ", at 0.198 USD per 10,000 texts against 1.97."}},
		{"the incumbent stays: nothing cheaper is as good", 200, compare.AgainstBaseline, wide, []writer{
			{name: "now", wrong: 0.2, seed: 1, price: middle}, {name: "poor", wrong: 0.5, seed: 2, price: cheap}},
			compare.OutcomeKeep, "now", []string{"Keep now, at 0.9", "no cheaper candidate is within the margins (BLEU 8.00", "of it; poor is worse."}},
		{"the best is not the incumbent, which is dearer", 200, "", wide, []writer{
			{name: "now", wrong: 0.5, seed: 1, price: dear}, {name: "new", wrong: 0.2, seed: 2, price: middle}},
			compare.OutcomeCheapest, "new", []string{"Take new, at 0.9", "no cheaper candidate is within the margins", "; now is worse."}},
		{"the incumbent stays among equals that cost the same", 200, "", wide, []writer{
			{name: "now", wrong: 0.21, seed: 1}, {name: "same", wrong: 0.2, seed: 2}},
			compare.OutcomeKeep, "now", []string{"Keep now"}},
		{"too few items", 24, "", nil, []writer{
			{name: "now", wrong: 0.3, seed: 1, price: dear}, {name: "mini", wrong: 0.3, seed: 5, price: cheap}},
			compare.OutcomeUndecided, "", []string{"The data do not decide whether mini, which costs 0.1", ", is within the margins", "; about ", "more items would show a difference of "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _, _ := compared(t, catalogue(t, c.items, 1), compare.Options{Margins: c.margins, Rule: compare.RuleCheapest, Against: c.against}, c.writers...)
			d := got.Decision
			if d.Outcome != c.outcome || d.Winner != c.winner || d.Rule != compare.RuleCheapest {
				t.Errorf("%s for %q: %s\n%s", d.Outcome, d.Winner, d.Sentence, strings.Join(d.Reasons, "\n"))
			}
			for _, part := range c.says {
				if !strings.Contains(d.Sentence, part) {
					t.Errorf("%q lacks %q", d.Sentence, part)
				}
			}
			if len(d.Tied)+len(d.Worse)+len(d.Open) != len(c.writers) || d.Tied[0] != d.Reference {
				t.Errorf("%+v", d)
			}
		})
	}
}

// TestTwelveCandidates holds the reference and the corrections together.
func TestTwelveCandidates(t *testing.T) {
	t.Parallel()
	writers := make([]writer, 12)
	for i := range writers {
		writers[i] = writer{name: fmt.Sprintf("w%02d", i), wrong: 0.3, seed: uint64(i + 1), price: stylesprint.Price{OutputPerMillion: float64(20 - i)}}
	}
	writers[7].wrong = 0.1
	c, _, _ := compared(t, catalogue(t, 60, 1), compare.Options{Rule: compare.RuleCheapest, Randomization: 4000}, writers...)
	d := c.Decision
	if d.Reference != "w07" || d.Winner != "w07" || d.Outcome != compare.OutcomeCheapest || len(d.Worse) != 11 {
		t.Errorf("%+v", d)
	}
	for i, k := range c.Candidates {
		if (k.ReferenceDifferences == nil) != (i == 7) || (k.Differences == nil) != (i == 0) {
			t.Errorf("%s has %d and %d differences", k.Name, len(k.Differences), len(k.ReferenceDifferences))
		}
		for m := range k.ReferenceDifferences {
			if diff := k.ReferenceDifferences[m]; diff.P < 1 && diff.PAdjusted < min(1, 6*diff.P) {
				t.Errorf("%s %+v is not adjusted for all pairs", k.Name, diff)
			}
		}
	}
	if len(c.Pareto) != 2 || len(c.Pareto[0].Points) != 12 {
		t.Errorf("%+v", c.Pareto)
	}
	total := 0.0
	for _, p := range c.Pareto[0].Points {
		total += p.Probability
	}
	if !(total >= 1) || !c.Pareto[0].Points[7].OnFront {
		t.Errorf("the front's probabilities add up to %v", total)
	}
}

func TestUnknownCosts(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 40, 1)
	store := fakestore.New()
	ids := []string{evaluated(t, store, d, writer{name: "a", wrong: 0.3, seed: 1}), evaluated(t, store, d, writer{name: "b", wrong: 0.1, seed: 2})}
	r, err := store.Run(t.Context(), ids[1])
	if err != nil {
		t.Fatal(err)
	}
	r.Candidate.Model.Provider = "openai"
	if err := store.SaveRun(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	c, err := compare.Compare(t.Context(), store, ids, compare.Options{Dataset: d, Rule: compare.RuleCheapest, Randomization: 500})
	if err != nil {
		t.Fatal(err)
	}
	if c.Decision.Outcome != compare.OutcomeUndecided || c.Decision.Sentence != "The cheapest cannot be named: what b costs is not known: no price is set for the model." {
		t.Errorf("%+v", c.Decision)
	}
	if c.Pareto[0].Points[1].Missing == "" || c.Pareto[1].Points[1].Missing != "" {
		t.Errorf("%+v", c.Pareto)
	}
	if _, err := compare.Compare(t.Context(), store, ids, compare.Options{Dataset: d, Rule: "dearest"}); err == nil || !strings.Contains(err.Error(), `there is no rule "dearest"`) {
		t.Error(err)
	}
	if _, err := compare.Compare(t.Context(), store, ids, compare.Options{Dataset: d, Margins: map[string]float64{"bleu": -1}}); err == nil || !strings.Contains(err.Error(), "the margin of bleu is -1") {
		t.Error(err)
	}
}

// TestLeftOut lists what some run lacks, with the reason, and refuses unequal signatures all at once.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 12, 1)
	store := fakestore.New()
	a, b := evaluated(t, store, d, writer{name: "a", seed: 1, wrong: 0.2}), evaluated(t, store, d, writer{name: "b", seed: 2, wrong: 0.2})
	edit := func(f func(*evaluate.Run)) {
		r, err := store.Run(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		f(&r)
		if err := store.SaveRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(r *evaluate.Run) {
		r.Scores = append(r.Scores, stylesprint.Score{Metric: "clip", Missing: "not measured: no images"})
		r.Scores[1].Missing = "not scored yet"
	})
	c, err := compare.Compare(t.Context(), store, []string{a, b}, compare.Options{Dataset: d, Randomization: 50})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.LeftOut) != 2 || c.LeftOut[0].Metric != "bleu-mean" || c.LeftOut[0].Why["b"] != "not scored yet" || c.LeftOut[1].Metric != "clip" || c.LeftOut[1].Why["a"] != "not scored with it" || c.LeftOut[1].Why["b"] != "not measured: no images" {
		t.Errorf("%+v", c.LeftOut)
	}
	edit(func(r *evaluate.Run) {
		r.Scores[0].Signature += "|x"
		r.Scores[1].Missing = ""
		r.Scores[2].Signature += "|y"
	})
	_, err = compare.Compare(t.Context(), store, []string{a, b}, compare.Options{Dataset: d})
	if err == nil || !strings.Contains(err.Error(), "bleu of run") || !strings.Contains(err.Error(), "; similarity of run") || !strings.Contains(stylesprint.HintOf(err), "--metrics bleu-mean,length") {
		t.Errorf("%v %s", err, stylesprint.HintOf(err))
	}
	if _, err := compare.Compare(t.Context(), store, []string{a, b}, compare.Options{Dataset: d, Metrics: []string{"clip"}}); err == nil || !strings.Contains(err.Error(), "has no score of metric clip") {
		t.Error(err)
	}
}
