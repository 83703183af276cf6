package report

import (
	"testing"

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
		if got := differencesFinding(c, []int{0, 1, 2}); got != k.want {
			t.Errorf("got  %q\nwant %q", got, k.want)
		}
	}
}
