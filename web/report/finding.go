package report

import (
	"strings"

	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// differencesFinding says on which metrics each challenger differs.
func differencesFinding(c compare.Comparison) string {
	var sentences []string
	for _, k := range challengers(c) {
		sentences = append(sentences, k.Name+" "+verdicts(c, k))
	}
	if len(sentences) == 0 {
		return "Nothing is compared"
	}
	return "Against " + c.Baseline + ", " + strings.Join(sentences, "; ")
}

func verdicts(c compare.Comparison, k compare.Candidate) string {
	words := map[compare.Verdict][]string{}
	for i, m := range c.Metrics {
		if i < len(k.Differences) {
			v := k.Differences[i].Verdict
			words[v] = append(words[v], m.Title)
		}
	}
	var parts []string
	for _, p := range []struct {
		verdict compare.Verdict
		text    string
	}{
		{compare.VerdictBetter, "is better on "}, {compare.VerdictWorse, "is worse on "}, {compare.VerdictEquivalent, "is equivalent on "},
	} {
		if list := words[p.verdict]; len(list) > 0 {
			parts = append(parts, p.text+show.List(list))
		}
	}
	if list := words[compare.VerdictUndecided]; len(list) > 0 {
		if len(parts) == 0 {
			return "is not told apart on " + show.List(list)
		}
		parts = append(parts, "is not told apart on "+show.List(list))
	}
	if len(parts) == 0 {
		return "is shown but not judged"
	}
	return show.List(parts)
}

// medianFinding names the highest and the lowest median.
func medianFinding(title, unit string, names []string, medians []float64) string {
	if len(names) == 0 {
		return title + ": no values"
	}
	hi, lo := 0, 0
	for i, m := range medians {
		if m > medians[hi] {
			hi = i
		}
		if m < medians[lo] {
			lo = i
		}
	}
	d := show.Decimals(unit, medians[hi])
	value := func(i int) string { return plot.Number(medians[i], d) }
	switch {
	case len(names) == 1:
		return "Half of the outputs of " + names[0] + " have a " + title + " of " + value(0) + " or more"
	case value(hi) == value(lo):
		return "The medians of " + title + " are alike, " + value(hi)
	}
	return "The median of " + title + " is highest for " + names[hi] + ", " + value(hi) + ", and lowest for " + names[lo] + ", " + value(lo)
}

// operationFinding names the cheapest and the fastest candidate.
func operationFinding(c compare.Comparison) string {
	cheap, fast := -1, -1
	free := true
	for i, k := range c.Candidates {
		o := k.Operation
		if o.Cost.Missing == "" {
			if cheap < 0 || o.Cost.Value < c.Candidates[cheap].Operation.Cost.Value {
				cheap = i
			}
			free = free && o.Cost.Value == 0
		}
		if o.LatencyP50.Missing == "" && (fast < 0 || o.LatencyP50.Value < c.Candidates[fast].Operation.LatencyP50.Value) {
			fast = i
		}
	}
	if fast < 0 {
		return "No latency was measured"
	}
	f := c.Candidates[fast]
	speed := f.Name + " answers fastest, in " + plot.Number(f.Operation.LatencyP50.Value, show.Decimals("s", f.Operation.LatencyP50.Value)) + " s at the median"
	if cheap < 0 || free {
		return speed + "; no candidate costs anything for each request"
	}
	if cheap == fast {
		return speed + ", and is the cheapest"
	}
	return speed + "; " + c.Candidates[cheap].Name + " is the cheapest"
}
