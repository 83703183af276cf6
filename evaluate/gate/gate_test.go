package gate

import (
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
)

// comparison is made up: a baseline and one challenger on three metrics.
func comparison(change func(*compare.Comparison)) compare.Comparison {
	score := func(name, unit string, v float64) stylesprint.Score {
		return stylesprint.Score{Metric: name, Value: v, Low: v * .9, High: v * 1.1, Level: .95, N: 120, Unit: unit, Signature: name + "|v:1"}
	}
	c := compare.Comparison{
		Dataset: "demo", Items: 120, Families: 60, Baseline: "plain", Primary: "bleu", Method: compare.Method{Level: .95, Alpha: .05},
		Metrics: []compare.Metric{
			{Name: "bleu", Title: "BLEU", Unit: "0-100", Direction: compare.DirectionHigher, Judged: true, Margin: 1},
			{Name: "similarity", Title: "Semantic similarity", Unit: "0-1", Direction: compare.DirectionHigher, Judged: true, Margin: .02},
			{Name: "ter", Title: "TER", Unit: "0-100", Direction: compare.DirectionLower, Judged: true, Margin: 2},
			{Name: "length", Title: "Length", Unit: "words", Direction: compare.DirectionNone},
		},
	}
	for i, name := range []string{"plain", "voice"} {
		k := compare.Candidate{Name: name, Run: evaluate.Run{ID: name + "-run"},
			Scores: []stylesprint.Score{score("bleu", "0-100", 30), score("similarity", "0-1", .8), score("ter", "0-100", 50), score("length", "words", 60)}}
		k.Operation = compare.Operation{Cost: score("cost", "USD", 15), LatencyP50: score("latency_p50", "s", 1), LatencyP95: stylesprint.Score{Metric: "latency_p95", Unit: "s", Missing: "not measured: no output came from a call of this run"}, Outputs: 120, Failed: 3}
		if i > 0 {
			k.Differences = []compare.Difference{{Metric: "bleu", PAdjusted: 1}, {Metric: "similarity", PAdjusted: 1}, {Metric: "ter", PAdjusted: 1}, {Metric: "length", PAdjusted: .001, Delta: -30}}
		}
		c.Candidates = append(c.Candidates, k)
	}
	if change != nil {
		change(&c)
	}
	return c
}

// set changes the challenger's difference on a metric.
func set(metric int, delta, p float64) func(*compare.Comparison) {
	return func(c *compare.Comparison) {
		d := &c.Candidates[1].Differences[metric]
		d.Delta, d.Low, d.High, d.PAdjusted = delta, delta-1, delta+1, p
	}
}

// violations gives both candidates a rate that metric.Describe knows.
func violations(rate float64) func(*compare.Comparison) {
	return func(c *compare.Comparison) {
		c.Metrics = append(c.Metrics, compare.Metric{Name: "hard-violations", Title: "Violations", Unit: "0-1", Direction: compare.DirectionLower, Judged: true})
		for i := range c.Candidates {
			c.Candidates[i].Scores = append(c.Candidates[i].Scores, stylesprint.Score{Metric: "hard-violations", Value: rate, N: 120})
		}
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		rules   Rules
		change  func(*compare.Comparison)
		check   int
		outcome Outcome
		says    string
	}{
		{"nothing lost", Default(), nil, 0, Passed, "BLEU differs by 0.00 (95 % interval 0.00 to 0.00, p = 1.000): no loss"},
		{"significant and large", Default(), set(0, -1.5, .01), 0, Failed, "significantly worse, and more than the loss that matters"},
		{"significant and small", Default(), set(0, -.5, .01), 0, Passed, "significantly worse, but by no more than"},
		{"as large as the margin", Default(), set(0, -1, .01), 0, Passed, "by no more than"},
		{"large and not significant", Default(), set(0, -1.5, .05), 0, Passed, "but it may be chance"},
		{"a gain", Default(), set(0, 5, .0001), 0, Passed, "no loss"},
		{"small and not significant", Default(), set(0, -.5, .5), 0, Passed, "neither matters nor is significant"},
		{"lower is better: a loss", Default(), set(2, 3, .01), 2, Failed, "TER differs by +3.00"},
		{"lower is better: a gain", Default(), set(2, -3, .01), 2, Passed, "no loss"},
		{"a size of its own", Rules{Regression: []Regression{{Metric: "bleu", Loss: 2}}}, set(0, -1.5, .01), 0, Passed, "by no more than"},
		{"an alpha of its own", Rules{Regression: []Regression{{Metric: "bleu", Alpha: .2}}}, set(0, -1.5, .1), 0, Failed, "significantly worse"},
		{"no such metric", Rules{Regression: []Regression{{Metric: "chrf"}}}, nil, 0, NotMeasured, "chrf was not measured for all runs"},
		{"left out, with the reason", Rules{Regression: []Regression{{Metric: "clip"}}}, func(c *compare.Comparison) {
			c.LeftOut = []compare.LeftOut{{Metric: "clip", Why: map[string]string{"voice": "not measured: no images"}}}
		}, 0, NotMeasured, "clip: not measured: no images"},
		{"left out for another", Rules{Min: []Limit{{Metric: "clip", Value: 1}}}, func(c *compare.Comparison) {
			c.LeftOut = []compare.LeftOut{{Metric: "clip", Why: map[string]string{"plain": "not scored with it"}}}
		}, 0, NotMeasured, "clip: not scored with it of plain"},
		{"no such metric, optional", Rules{Regression: []Regression{{Metric: "chrf", Optional: true}}}, nil, 0, Skipped, "chrf was not measured"},
		{"a floor kept", Rules{Min: []Limit{{Metric: "similarity", Value: .8}}}, nil, 0, Passed, "Semantic similarity: 0.8 (95 % interval 0.72 to 0.88)"},
		{"a floor missed", Rules{Min: []Limit{{Metric: "similarity", Value: .81}}}, nil, 0, Failed, "Semantic similarity: 0.8"},
		{"a floor missed by little", Rules{Min: []Limit{{Metric: "similarity", Value: .8000001}}}, nil, 0, Failed, "Semantic similarity: 0.8 ("},
		{"a floor that the interval misses", Rules{Min: []Limit{{Metric: "similarity", Value: .8, Interval: true}}}, nil, 0, Failed, "interval 0.72 to 0.88"},
		{"a ceiling that the interval breaks", Rules{Max: []Limit{{Metric: "ter", Value: 51, Interval: true}}}, nil, 0, Failed, "interval 45 to 55"},
		{"a ceiling kept", Rules{Max: []Limit{{Metric: "ter", Value: 51}}}, nil, 0, Passed, "TER: 50"},
		{"cost kept", Rules{Max: []Limit{{Metric: "cost_per_10000", Value: 15}}}, nil, 0, Passed, "Cost per 10,000 outputs: 15 USD (95 % interval 13.5 to 16.5)"},
		{"cost broken", Rules{Max: []Limit{{Metric: "cost_per_10000", Value: 14.9}}}, nil, 0, Failed, "Cost per 10,000 outputs: 15 USD"},
		{"latency not measured", Rules{Max: []Limit{{Metric: "latency_p95", Value: 2}}}, nil, 0, NotMeasured, "Latency, 95th percentile: not measured: no output came from a call"},
		{"latency not measured, optional", Rules{Max: []Limit{{Metric: "latency_p95", Value: 2, Optional: true}}}, nil, 0, Skipped, "not measured"},
		{"failures", Rules{Hard: []Limit{{Metric: "failed_share"}}}, nil, 0, Failed, "Outputs that failed: 3 of 120 outputs"},
		{"failures that are let pass", Rules{Hard: []Limit{{Metric: "failed_share", Value: 3}}}, nil, 0, Passed, "Outputs that failed: 3 of 120 outputs"},
		{"a share with its interval", Rules{Max: []Limit{{Metric: "failed_share", Value: .05, Interval: true}}}, nil, 0, Failed, "Outputs that failed: 0.025 (95 % interval 0.005186 to 0.07132)"},
		{"none, with its bound", Rules{Hard: []Limit{{Metric: "cut_share"}}}, nil, 0, Passed, "Outputs cut off at the token limit: 0 of 120 outputs; the 95 % interval reaches 2.466 % of all"},
		{"a violation", Rules{Hard: []Limit{{Metric: "hard-violations"}}}, violations(1. / 120), 0, Failed, "Violations: 1 of 120 outputs"},
		{"no violation", Rules{Hard: []Limit{{Metric: "hard-violations"}}}, violations(0), 0, Passed, "Violations: 0 of 120 outputs"},
		{"violations, several outputs an item", Rules{Hard: []Limit{{Metric: "hard-violations", Value: 2}}}, func(c *compare.Comparison) {
			violations(1. / 120)(c)
			c.Candidates[1].Run.Repeat = 3
		}, 0, Failed, "Violations: 3 of 360 outputs"},
		{"no interval to keep", Rules{Max: []Limit{{Metric: "hard-violations", Value: .1, Interval: true}}}, violations(0), 0, NotMeasured, "has no interval"},
		{"a bound on what is not judged", Rules{Max: []Limit{{Metric: "length", Value: 60}}}, nil, 0, Passed, "Length: 60 words"},
		{"no such figure", Rules{Max: []Limit{{Metric: "lenght", Value: 60}}}, nil, 0, NotMeasured, "lenght was not measured"},
	}
	for _, c := range cases {
		r, err := Evaluate(comparison(c.change), c.rules)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		k := r.Candidates[0].Checks[c.check]
		if k.Outcome != c.outcome || !strings.Contains(k.Reason, c.says) || k.Rule == "" {
			t.Errorf("%s: %s, %q (%s)", c.name, k.Outcome, k.Reason, k.Rule)
		}
		if met := c.outcome == Passed || c.outcome == Skipped; r.Met != met || r.Candidates[0].Met != met || (len(r.Reasons()) == 0) != met {
			t.Errorf("%s: met is %t, reasons %q", c.name, r.Met, r.Reasons())
		}
	}
}

// A rule for all metrics leaves out those that are not judged and those that have
// a rule of their own.
func TestEvery(t *testing.T) {
	t.Parallel()
	r, err := Evaluate(comparison(nil), Rules{Regression: []Regression{{Metric: Every}, {Metric: "bleu", Loss: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range r.Candidates[0].Checks {
		got = append(got, k.Metric+" "+number(k.Limit))
	}
	if all := strings.Join(got, ", "); all != "similarity 0.02, ter 2, bleu 3" {
		t.Errorf("checks are %s", all)
	}
}

// A share of the outputs is counted in outputs.
func TestHardCountsOutputs(t *testing.T) {
	t.Parallel()
	e := evaluation{c: comparison(nil)}
	for _, c := range []struct {
		value, high, max float64
		want             Outcome
		says             string
	}{
		{0, .025, 0, Passed, "Violations: 0 of 120 outputs; the 95 % interval reaches 2.5 % of all"},
		{1. / 120, .04, 0, Failed, "Violations: 1 of 120 outputs"},
		{1. / 120, .04, 1, Passed, "Violations: 1 of 120 outputs"},
		{3. / 120, .07, 2, Failed, "Violations: 3 of 120 outputs"},
	} {
		k := Check{Kind: KindHard, Title: "Violations", Value: c.value, High: c.high, Level: .95, N: 120}
		outcome, reason := e.verdict(k, Limit{Value: c.max}, true)
		if outcome != c.want || !strings.Contains(reason, c.says) {
			t.Errorf("%+v: %s, %q", c, outcome, reason)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	if _, err := Evaluate(compare.Comparison{}, Default()); err == nil || !strings.Contains(err.Error(), "no candidate to hold against") {
		t.Errorf("of nothing: %v", err)
	}
	for want, r := range map[string]Rules{
		"hard counts outputs with failed_share, and 0.5 is not":  {Hard: []Limit{{Metric: "failed_share", Value: .5}}},
		"the rules ask for nothing":                              {},
		"there is no regression on it":                           {Regression: []Regression{{Metric: "length"}}},
		"so min makes no sense":                                  {Min: []Limit{{Metric: "ter", Value: 1}}},
		"so max makes no sense":                                  {Max: []Limit{{Metric: "bleu", Value: 1}}},
		"throughput is better when it is higher":                 {Max: []Limit{{Metric: "throughput", Value: 1}}},
		"cost_per_10000 is better when it is lower":              {Min: []Limit{{Metric: "cost_per_10000", Value: 1}}},
		"so hard makes no sense":                                 {Hard: []Limit{{Metric: "bleu", Value: 1}}},
		`a candidate "other" that is not compared`:               {Candidates: []string{"other"}, Min: []Limit{{Metric: "bleu"}}},
		"min[1].metric: bleu has a rule of this kind already":    {Min: []Limit{{Metric: "bleu"}, {Metric: "bleu"}}},
		"regression[0].alpha: want a share between 0 and 1":      {Regression: []Regression{{Metric: "bleu", Alpha: 5}}},
		`hard[0].metric: name one metric; "*" is for regression`: {Hard: []Limit{{Metric: Every}}},
	} {
		if _, err := Evaluate(comparison(nil), r); err == nil || !strings.Contains(err.Error(), want) || stylesprint.HintOf(err) == "" {
			t.Errorf("got %v, want %q with a hint", err, want)
		}
	}
}

func TestCandidatesAndSentences(t *testing.T) {
	t.Parallel()
	r, err := Evaluate(comparison(set(0, -5, .001)), Rules{Candidates: []string{"plain", "voice-run"}, Regression: Default().Regression})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Candidates) != 2 || !r.Candidates[0].Met || r.Candidates[1].Met || r.Met {
		t.Errorf("got %+v", r.Candidates)
	}
	if k := r.Candidates[0].Checks[0]; k.Outcome != Skipped || k.Reason != "plain is the baseline itself" {
		t.Errorf("the baseline against itself: %s, %s", k.Outcome, k.Reason)
	}
	if want := "voice does not meet the gate: 1 of 6 checks not met."; r.Sentence != want {
		t.Errorf("got %q, want %q", r.Sentence, want)
	}
	if got := r.Reasons(); len(got) != 1 || !strings.HasPrefix(got[0], "voice: BLEU differs by -5.00") || !strings.Contains(got[0], "no loss on BLEU beyond 1.00 that is significant at 0.05") {
		t.Errorf("reasons %q", got)
	}
	r, err = Evaluate(comparison(nil), Default())
	if err != nil || r.Sentence != "voice meets the gate: 3 checks." || !r.Met {
		t.Errorf("got %q, %v", r.Sentence, err)
	}
}
