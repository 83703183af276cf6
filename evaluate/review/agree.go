package review

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"stylesprint"
	"stylesprint/evaluate/agreement"
)

// code is a choice as a number, in terms of candidates: 1 where the lower place
// won, 3 where the higher did, 2 for a tie, 4 for both bad.
func code(p Pair, c Choice) float64 {
	switch c {
	case Tie:
		return 2
	case Bad:
		return 4
	}
	if (c == First) == (p.FirstOf < p.SecondOf) {
		return 1
	}
	return 3
}

// level is code with both bad as level: better, level, worse.
func level(v float64) float64 {
	if v == 4 {
		return 2
	}
	return v
}

// ratings is a table of pairs by raters.
func (a *analysis) ratings(of func(Pair, Vote) float64) (agreement.Ratings, []string) {
	var raters []string
	for _, v := range a.votes {
		if !slices.Contains(raters, v.Rater) {
			raters = append(raters, v.Rater)
		}
	}
	slices.SortFunc(raters, func(x, y string) int { return cmp.Or(cmp.Compare(a.labels[x], a.labels[y]), cmp.Compare(x, y)) })
	r := agreement.Ratings{Values: make([][]float64, a.book.Task.Pairs), Clusters: make([]int, a.book.Task.Pairs)}
	for i := range r.Values {
		r.Values[i] = make([]float64, len(raters))
		for j := range raters {
			r.Values[i][j] = math.NaN()
		}
		r.Clusters[i] = a.family[family(a.pairs[i])]
	}
	for _, v := range a.votes {
		r.Values[v.Pair-1][slices.Index(raters, v.Rater)] = of(a.pair(v.Pair), v)
	}
	return r, raters
}

// agreement fills in how far raters agree, and every two of them.
func (a *analysis) agreement(ctx context.Context, r *Result) error {
	answers, raters := a.ratings(func(p Pair, v Vote) float64 { return code(p, v.Choice) })
	levels, _ := a.ratings(func(p Pair, v Vote) float64 { return level(code(p, v.Choice)) })
	nominal, err := agreement.AlphaScore(ctx, answers, agreement.Nominal, a.options)
	if err != nil {
		return err
	}
	ordinal, err := agreement.AlphaScore(ctx, levels, agreement.Ordinal, a.options)
	if err != nil {
		return err
	}
	r.Agreement = []Agreement{
		{"Percent agreement", "the four answers", agreement.PercentAgreement(answers, a.options), "The share of two raters' answers to one pair that are equal; some of it is chance."},
		{"Krippendorff's alpha, nominal", "the four answers", nominal, readAlpha(nominal)},
		{"Krippendorff's alpha, ordinal", "better, level, worse", ordinal, readAlpha(ordinal)},
	}
	for _, c := range Criteria() {
		marks, err := a.markAlpha(ctx, c)
		if err != nil {
			return err
		}
		r.Agreement = append(r.Agreement, Agreement{"Krippendorff's alpha, interval", "marks for " + c.Name, marks, readAlpha(marks)})
	}
	r.Kappas, err = a.kappas(ctx, answers, levels, raters)
	return err
}

// markAlpha takes both texts of a pair as units of their own.
func (a *analysis) markAlpha(ctx context.Context, c Criterion) (stylesprint.Score, error) {
	mark := func(m Marks) float64 {
		if v := c.Mark(m); v > 0 {
			return float64(v)
		}
		return math.NaN()
	}
	first, _ := a.ratings(func(_ Pair, v Vote) float64 { return mark(v.FirstMarks) })
	second, _ := a.ratings(func(_ Pair, v Vote) float64 { return mark(v.SecondMarks) })
	both := agreement.Ratings{Values: append(first.Values, second.Values...), Clusters: append(first.Clusters, second.Clusters...)}
	s, err := agreement.AlphaScore(ctx, both, agreement.Interval, a.options)
	if s.Missing != "" && !anyMark(both.Values) {
		s.Missing = "not measured: nobody gave marks"
	}
	return s, err
}

func anyMark(values [][]float64) bool {
	for _, row := range values {
		for _, v := range row {
			if !math.IsNaN(v) {
				return true
			}
		}
	}
	return false
}

// maxKappas bounds the table of pairs of raters.
const maxKappas = 45

func (a *analysis) kappas(ctx context.Context, answers, levels agreement.Ratings, raters []string) ([]PairKappa, error) {
	var out []PairKappa
	column := func(r agreement.Ratings, i int) []float64 {
		values := make([]float64, len(r.Values))
		for u, row := range r.Values {
			values[u] = row[i]
		}
		return values
	}
	for i := range raters {
		for j := i + 1; j < len(raters); j++ {
			if len(out) == maxKappas {
				return out, nil
			}
			k := PairKappa{A: a.labels[raters[i]], B: a.labels[raters[j]]}
			var err error
			k.Score, err = agreement.KappaScore(ctx, agreement.Pairs{A: column(answers, i), B: column(answers, j), Labels: []float64{1, 2, 3, 4}, Clusters: answers.Clusters}, agreement.Unweighted, a.options)
			if err != nil {
				return nil, err
			}
			k.Ordinal, err = agreement.KappaScore(ctx, agreement.Pairs{A: column(levels, i), B: column(levels, j), Labels: []float64{1, 2, 3}, Clusters: levels.Clusters}, agreement.Linear, a.options)
			if err != nil {
				return nil, err
			}
			out = append(out, k)
		}
	}
	return out, nil
}

// readAlpha says how to read alpha, by Krippendorff's customary bounds of 0.8 and 0.667.
func readAlpha(s stylesprint.Score) string {
	if s.Missing != "" {
		return "Nothing can be said about agreement."
	}
	at := s.Value
	which := "By its value"
	if s.Level > 0 {
		at, which = s.Low, "By the lower end of its interval"
	}
	switch {
	case at >= .8:
		return which + " it is reliable (0.8 or more)."
	case at >= 2./3:
		return which + " it allows tentative conclusions (0.667 to 0.8)."
	case s.Value > 0:
		return which + " it is below 0.667: single verdicts say little; the mean over many pairs still can."
	}
	return "Raters agree no more than chance would have it: look whether the task was clear."
}

// readKappa uses the words of Landis and Koch (1977).
func readKappa(v float64) string {
	for _, step := range []struct {
		from  float64
		words string
	}{{.81, "almost perfect"}, {.61, "substantial"}, {.41, "moderate"}, {.21, "fair"}, {0, "slight"}} {
		if v >= step.from {
			return step.words
		}
	}
	return "poorer than chance"
}

// Reading of a kappa, in the words of Landis and Koch (1977).
func (k PairKappa) Reading() string {
	if k.Score.Missing != "" {
		return ""
	}
	return readKappa(k.Score.Value)
}

// raters reports how each rater of the task worked.
func (a *analysis) raters() []RaterReport {
	var out []RaterReport
	for _, r := range a.book.Raters {
		if r.Model {
			continue
		}
		first := map[int]Vote{}
		report := RaterReport{Label: r.Label()}
		var left, same []float64
		for _, v := range a.votes {
			if v.Rater == r.ID && v.From == "" {
				first[v.Pair] = v
				report.Votes++
				left = appendLeft(left, v)
			}
		}
		for _, v := range a.again {
			if v.Rater != r.ID {
				continue
			}
			left = appendLeft(left, v)
			same = append(same, truth(first[v.Pair].Choice == v.Choice))
		}
		report.Consistency = agreement.ProportionScore(same, nil, a.options)
		report.Consistency.Metric = "self-consistency"
		if report.Consistency.Missing != "" {
			report.Consistency.Missing = "not measured: no pair came again"
		}
		report.Left = agreement.ProportionScore(left, nil, a.options)
		report.Left.Metric = "left-share"
		if report.Left.Missing != "" {
			report.Left.Missing = "not measured: no vote was decided"
		}
		out = append(out, report)
	}
	return out
}

// appendLeft adds whether a decided vote went to the text on the left.
func appendLeft(left []float64, v Vote) []float64 {
	if v.Choice != First && v.Choice != Second {
		return left
	}
	return append(left, truth((v.Choice == First) == v.FirstLeft))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// maxExamples bounds the examples of a result.
const maxExamples = 8

// examples are the pairs with the widest disagreement, then those with comments.
func (a *analysis) examples() []Example {
	byPair := map[int][]Vote{}
	for _, v := range a.votes {
		byPair[v.Pair] = append(byPair[v.Pair], v)
	}
	type ranked struct {
		number   int
		opposed  bool
		comments int
	}
	var order []ranked
	for n, votes := range byPair {
		r := ranked{number: n}
		seen := map[Choice]bool{}
		for _, v := range votes {
			seen[v.Choice] = true
			if v.Comment != "" {
				r.comments++
			}
		}
		r.opposed = seen[First] && seen[Second]
		if r.opposed || r.comments > 0 {
			order = append(order, r)
		}
	}
	slices.SortFunc(order, func(x, y ranked) int {
		return cmp.Or(-cmp.Compare(truth(x.opposed), truth(y.opposed)), y.comments-x.comments, x.number-y.number)
	})
	var out []Example
	for _, r := range order[:min(len(order), maxExamples)] {
		p := a.pair(r.number)
		e := Example{Pair: p, FirstBy: a.book.Task.Candidates[p.FirstOf].Name, SecondBy: a.book.Task.Candidates[p.SecondOf].Name}
		for _, v := range byPair[r.number] {
			e.Votes = append(e.Votes, Spoken{a.labels[v.Rater], a.words(p, v.Choice), v.Comment})
		}
		out = append(out, e)
	}
	return out
}

func (a *analysis) words(p Pair, c Choice) string {
	switch c {
	case First:
		return a.book.Task.Candidates[p.FirstOf].Name + " is better"
	case Second:
		return a.book.Task.Candidates[p.SecondOf].Name + " is better"
	case Tie:
		return "a tie"
	}
	return "both are bad"
}

// decide says who won.
func (r *Result) decide() {
	share := func(s stylesprint.Score) string {
		return fmt.Sprintf("%.0f %% of %s (%.0f %% interval %.0f to %.0f)", 100*s.Value, pairs(s.N), 100*s.Level, 100*s.Low, 100*s.High)
	}
	if r.Counts.Votes == 0 {
		r.Sentence = "Nobody has judged, so nobody has won"
		return
	}
	best := slices.MaxFunc(r.Candidates, func(x, y Standing) int { return cmp.Compare(x.WinRate.Value, y.WinRate.Value) })
	all := true // beats every other, beyond doubt
	for _, d := range r.Duels {
		switch {
		case d.WinRate.Missing != "" && (d.A == best.Name || d.B == best.Name):
			all = false
		case d.A == best.Name:
			all = all && d.WinRate.Low > .5
		case d.B == best.Name:
			all = all && d.WinRate.High < .5
		}
	}
	switch two := len(r.Candidates) == 2; {
	case all && two:
		r.Winner = best.Name
		other := r.Candidates[0].Name
		if other == best.Name {
			other = r.Candidates[1].Name
		}
		r.Sentence = fmt.Sprintf("People prefer %s to %s: it won %s", best.Name, other, share(best.WinRate))
	case all:
		r.Winner = best.Name
		r.Sentence = fmt.Sprintf("People prefer %s to each of the others: it won %s", best.Name, share(best.WinRate))
	case two:
		r.Sentence = fmt.Sprintf("People do not clearly prefer either: %s won %s", best.Name, share(best.WinRate))
	default:
		r.Sentence = fmt.Sprintf("No candidate is clearly preferred to all others: %s leads with %s", best.Name, share(best.WinRate))
	}
}

func pairs(n int) string {
	if n == 1 {
		return "1 pair"
	}
	return fmt.Sprintf("%d pairs", n)
}
