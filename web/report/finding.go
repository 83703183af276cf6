package report

import (
	"cmp"
	"slices"
	"strings"

	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// differencesFinding says on which of the metrics each challenger differs.
func differencesFinding(c compare.Comparison, metrics []int) string {
	var sentences []string
	for _, k := range challengers(c) {
		sentences = append(sentences, k.Name+" "+verdicts(c, k, metrics))
	}
	if len(sentences) == 0 {
		return "Nothing is compared"
	}
	return "Against " + c.Baseline + ", " + strings.Join(sentences, "; ")
}

func verdicts(c compare.Comparison, k compare.Candidate, metrics []int) string {
	words := map[string][]string{}
	for _, i := range metrics {
		if i < len(k.Differences) {
			w := verdictWord(k.Differences[i])
			words[w] = append(words[w], inSentence(c.Metrics[i].Title))
		}
	}
	var parts []string
	for _, verb := range []string{"is better on ", "is worse on ", "is equivalent on ", "is undecided on ", "is higher on ", "is lower on "} {
		if list := words[verb]; len(list) > 0 {
			parts = append(parts, verb+show.List(list))
		}
	}
	if len(parts) == 0 {
		return "is shown but not judged"
	}
	return show.List(parts)
}

// verdictWord is the verb of a difference; one that is not judged is higher or
// lower where its interval lies on one side, and nothing otherwise.
func verdictWord(d compare.Difference) string {
	switch {
	case d.Verdict != compare.VerdictShown && d.Verdict != "":
		return "is " + string(d.Verdict) + " on "
	case d.Low > 0:
		return "is higher on "
	case d.High < 0:
		return "is lower on "
	}
	return ""
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
