package report

import (
	"cmp"
	"slices"
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
			words[v] = append(words[v], inSentence(m.Title))
		}
	}
	var parts []string
	for _, p := range []struct {
		verdict compare.Verdict
		text    string
	}{
		{compare.VerdictBetter, "is better on "}, {compare.VerdictWorse, "is worse on "}, {compare.VerdictEquivalent, "is equivalent on "},
		{compare.VerdictUndecided, "is undecided on "},
	} {
		if list := words[p.verdict]; len(list) > 0 {
			parts = append(parts, p.text+show.List(list))
		}
	}
	if len(parts) == 0 {
		return "is shown but not judged"
	}
	return show.List(parts)
}

// median is a candidate's median as it is printed.
type median struct {
	name  string
	value float64
}

// medianFinding names the highest and the lowest median of a quantity. Medians
// that print alike are named together.
func medianFinding(quantity, unit string, medians []median) string {
	if len(medians) == 0 {
		return "There are no values of " + quantity
	}
	hi := slices.MaxFunc(medians, func(a, b median) int { return cmp.Compare(a.value, b.value) })
	lo := slices.MinFunc(medians, func(a, b median) int { return cmp.Compare(a.value, b.value) })
	decimals := show.Decimals(unit, hi.value)
	printed := func(v float64) string {
		if unit == "s" || unit == "words" {
			return plot.Number(v, decimals) + " " + unit
		}
		return plot.Number(v, decimals)
	}
	alike := func(m median) []string {
		var names []string
		for _, x := range medians {
			if printed(x.value) == printed(m.value) {
				names = append(names, x.name)
			}
		}
		return names
	}
	if len(alike(hi)) == len(medians) {
		return show.List(alike(hi)) + have(alike(hi)) + " a median " + quantity + " of " + printed(hi.value)
	}
	return show.List(alike(hi)) + have(alike(hi)) + " the highest median " + quantity + ", " + printed(hi.value) + "; " +
		show.List(alike(lo)) + " the lowest, " + printed(lo.value)
}

func have(names []string) string {
	if len(names) == 1 {
		return " has"
	}
	return " have"
}

// operationFinding names the cheapest and the fastest candidate.
func operationFinding(c compare.Comparison) string {
	fast := -1
	for i, k := range c.Candidates {
		o := k.Operation
		if o.LatencyP50.Missing == "" && (fast < 0 || o.LatencyP50.Value < c.Candidates[fast].Operation.LatencyP50.Value) {
			fast = i
		}
	}
	if fast < 0 {
		return "No latency was measured"
	}
	f := c.Candidates[fast]
	speed := f.Name + " answers fastest, in " + plot.Number(f.Operation.LatencyP50.Value, show.Decimals("s", f.Operation.LatencyP50.Value)) + " s at the median"
	cheap, cost := cheapest(c)
	switch {
	case len(cheap) == 0:
		return speed + "; no cost is known"
	case cost == 0 && len(cheap) == len(c.Candidates):
		return speed + "; no candidate costs anything for each request"
	case cost == 0 && len(cheap) > 1:
		return speed + "; " + show.List(cheap) + " cost nothing for each request"
	case cost == 0:
		return speed + "; " + cheap[0] + " costs nothing for each request"
	case len(cheap) == 1 && cheap[0] == f.Name:
		return speed + " and is the cheapest"
	}
	return speed + "; the cheapest is " + show.List(cheap)
}

// cheapest names the candidates with the smallest cost.
func cheapest(c compare.Comparison) (names []string, cost float64) {
	for _, k := range c.Candidates {
		s := k.Operation.Cost
		switch {
		case s.Missing != "":
		case len(names) == 0 || s.Value < cost:
			names, cost = []string{k.Name}, s.Value
		case s.Value == cost:
			names = append(names, k.Name)
		}
	}
	return names, cost
}
