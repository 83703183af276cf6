package report

import (
	"testing"

	"stylesprint"
	"stylesprint/evaluate/compare"
)

func TestMedianFinding(t *testing.T) {
	t.Parallel()
	cases := []struct {
		unit string
		in   []median
		want string
	}{
		{"0-1", nil, "There are no values of similarity"},
		{"0-1", []median{{"a", .5}}, "a has a median similarity of 0.500"},
		{"0-1", []median{{"a", .5}, {"b", .5001}}, "a and b have a median similarity of 0.500"},
		{"0-1", []median{{"a", .5}, {"b", .6}}, "b has the highest median similarity, 0.600; a the lowest, 0.500"},
		{"s", []median{{"a", 1.1}, {"b", .9}, {"c", .9}}, "a has the highest median similarity, 1.10 s; b and c the lowest, 0.90 s"},
	}
	for _, c := range cases {
		if got := medianFinding("similarity", c.unit, c.in); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func operations(costs, latencies []float64) compare.Comparison {
	c := compare.Comparison{Baseline: "a"}
	for i := range costs {
		c.Candidates = append(c.Candidates, compare.Candidate{Name: string(rune('a' + i)), Operation: compare.Operation{
			Cost: stylesprint.Score{Value: costs[i], Unit: "USD"}, LatencyP50: stylesprint.Score{Value: latencies[i], Unit: "s"},
		}})
	}
	return c
}

func TestOperationFinding(t *testing.T) {
	t.Parallel()
	cases := []struct {
		costs, latencies []float64
		want             string
	}{
		{[]float64{0, 0}, []float64{1, 2}, "a answers fastest, in 1.00 s at the median; no candidate costs anything for each request"},
		{[]float64{0, 1}, []float64{2, 1}, "b answers fastest, in 1.00 s at the median; a costs nothing for each request"},
		{[]float64{0, 0, 1}, []float64{2, 3, 1}, "c answers fastest, in 1.00 s at the median; a and b cost nothing for each request"},
		{[]float64{3, 2}, []float64{2, 1}, "b answers fastest, in 1.00 s at the median and is the cheapest"},
		{[]float64{2, 3}, []float64{2, 1}, "b answers fastest, in 1.00 s at the median; the cheapest is a"},
		{nil, nil, "No latency was measured"},
	}
	for _, c := range cases {
		if got := operationFinding(operations(c.costs, c.latencies)); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	c := compare.Comparison{Decision: compare.Decision{Sentence: "-1 by -0.04 (-2 to +3), not gpt-4 - or a-1"}}
	if got, want := Sentence(c), "−1 by −0.04 (−2 to +3), not gpt-4 - or a-1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDifferencesFinding(t *testing.T) {
	t.Parallel()
	c := compare.Comparison{Baseline: "plain", Metrics: []compare.Metric{{Title: "BLEU"}, {Title: "Similarity"}, {Title: "Length"}}}
	with := func(name string, v ...compare.Verdict) compare.Candidate {
		k := compare.Candidate{Name: name}
		for _, x := range v {
			k.Differences = append(k.Differences, compare.Difference{Verdict: x})
		}
		return k
	}
	cases := []struct {
		candidates []compare.Candidate
		want       string
	}{
		{[]compare.Candidate{{Name: "plain"}}, "Nothing is compared"},
		{[]compare.Candidate{{Name: "plain"}, with("voice", "better", "worse", "shown")}, "Against plain, voice is better on BLEU and is worse on similarity"},
		{[]compare.Candidate{{Name: "plain"}, with("voice", "undecided", "undecided", "shown"), with("mini", "equivalent", "better", "shown")}, "Against plain, voice is undecided on BLEU and similarity; mini is better on similarity and is equivalent on BLEU"},
		{[]compare.Candidate{{Name: "plain"}, with("voice", "shown")}, "Against plain, voice is shown but not judged"},
	}
	for _, k := range cases {
		c.Candidates = k.candidates
		if got := differencesFinding(c); got != k.want {
			t.Errorf("got  %q\nwant %q", got, k.want)
		}
	}
}
