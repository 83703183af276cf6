package webtest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
)

// metrics of the made-up runs.
func metrics() []compare.Metric {
	return []compare.Metric{
		{Name: "similarity", Title: "Similarity", Unit: "0-1", Signature: "cosine|all-minilm-l6-v2|exact|mean", Direction: compare.DirectionHigher, Judged: true, Margin: .01},
		{Name: "bleu", Title: "BLEU", Unit: "0-100", Signature: "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0", Direction: compare.DirectionHigher, Judged: true, Margin: 1},
		{Name: "length", Title: "Length", Unit: "words", Signature: "length|words", Direction: compare.DirectionNone},
	}
}

func scores(outs []evaluate.Output) []stylesprint.Score {
	var list []stylesprint.Score
	for _, m := range metrics() {
		list = append(list, score(m.Name, m.Unit, values(outs, func(o evaluate.Output) (float64, bool) {
			v, ok := o.Scores[m.Name]
			return v, ok
		}), m.Signature))
	}
	return list
}

func values(outs []evaluate.Output, of func(evaluate.Output) (float64, bool)) []float64 {
	var list []float64
	for _, o := range outs {
		if v, ok := of(o); ok {
			list = append(list, v)
		}
	}
	return list
}

func score(name, unit string, v []float64, signature string) stylesprint.Score {
	if len(v) == 0 {
		return stylesprint.Score{Metric: name, Unit: unit, Signature: signature, Missing: "not measured: no outputs"}
	}
	mean, half := normal(v)
	return stylesprint.Score{Metric: name, Value: mean, Low: mean - half, High: mean + half, Level: .95, N: len(v), Unit: unit, Signature: signature}
}

// normal is the mean and half the width of its interval.
func normal(v []float64) (mean, half float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	var sum float64
	for _, x := range v {
		sum += (x - mean) * (x - mean)
	}
	if len(v) < 2 {
		return mean, 0
	}
	return mean, 1.96 * math.Sqrt(sum/float64(len(v)-1)/float64(len(v)))
}

// Compare implements web.Comparer with intervals of the normal distribution:
// good enough to look at.
func (s *Source) Compare(ctx context.Context, runIDs []string) (compare.Comparison, error) {
	if len(runIDs) < 2 {
		return compare.Comparison{}, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "a comparison needs two runs", Hint: "choose two or more runs over the same items"}
	}
	c := compare.Comparison{
		Primary: "similarity", Metrics: metrics(),
		Method:   compare.Method{Level: .95, Alpha: .05, Bootstrap: 10_000, Randomization: 10_000, Seed: 1, Unit: "family"},
		Warnings: []string{"These figures are made up, to look at the page with."},
	}
	for i, id := range runIDs {
		r, err := s.Run(ctx, id)
		if err != nil {
			return compare.Comparison{}, err
		}
		if r.Status != evaluate.StatusDone {
			return compare.Comparison{}, &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("run %q is not done", id), Hint: "resume it with the command that started it"}
		}
		if i == 0 {
			c.Dataset, c.DatasetHash, c.Split, c.Items, c.Families, c.Baseline = r.Dataset, r.DatasetHash, r.Split, r.Total, r.Total/2, r.Candidate.Name
		}
		c.Candidates = append(c.Candidates, s.candidate(r, runIDs[0], i > 0))
	}
	decide(&c)
	return c, nil
}

func (s *Source) candidate(r evaluate.Run, base string, challenger bool) compare.Candidate {
	s.mu.Lock()
	outs, baseline := s.outputs[r.ID], s.outputs[base]
	s.mu.Unlock()
	k := compare.Candidate{Name: r.Candidate.Name, Run: r, Scores: scores(outs), Operation: operation(r, outs)}
	for _, m := range metrics() {
		v := values(outs, func(o evaluate.Output) (float64, bool) { x, ok := o.Scores[m.Name]; return x, ok })
		lo, hi := 0.0, 80.0
		if m.Name == "similarity" {
			hi = 1
		}
		k.Spreads = append(k.Spreads, spread(v, lo, hi))
		if challenger {
			k.Differences = append(k.Differences, difference(m, outs, baseline))
		}
	}
	k.Operation.CostDifference = stylesprint.Score{Metric: "cost", Unit: "USD", Missing: "the baseline"}
	k.Operation.LatencyDifference = stylesprint.Score{Metric: "latency", Unit: "s", Missing: "the baseline"}
	if challenger {
		k.Operation.CostDifference = paired("cost", "USD", outs, baseline, func(o evaluate.Output) (float64, bool) { return 10_000 * o.Cost.Units(), true })
		k.Operation.LatencyDifference = paired("latency", "s", outs, baseline, func(o evaluate.Output) (float64, bool) { return o.Latency.Seconds(), true })
	}
	return k
}

func paired(name, unit string, a, b []evaluate.Output, of func(evaluate.Output) (float64, bool)) stylesprint.Score {
	var d []float64
	for i := range min(len(a), len(b)) {
		x, okX := of(a[i])
		y, okY := of(b[i])
		if okX && okY {
			d = append(d, x-y)
		}
	}
	return score(name, unit, d, "paired")
}

func difference(m compare.Metric, a, b []evaluate.Output) compare.Difference {
	s := paired(m.Name, m.Unit, a, b, func(o evaluate.Output) (float64, bool) { v, ok := o.Scores[m.Name]; return v, ok })
	z := 0.0
	if s.High > s.Low {
		z = math.Abs(s.Value) / ((s.High - s.Low) / 2 / 1.96)
	}
	p := math.Erfc(z / math.Sqrt2)
	d := compare.Difference{Metric: m.Name, Delta: s.Value, Low: s.Low, High: s.High, P: p, PAdjusted: min(1, 2*p), PBootstrap: p, Detectable: 1.43 * (s.High - s.Low) / 2}
	switch {
	case m.Direction == compare.DirectionNone:
		d.Verdict = compare.VerdictShown
	case d.PAdjusted < .05 && s.Value > 0:
		d.Verdict, d.NonInferior = compare.VerdictBetter, true
	case d.PAdjusted < .05:
		d.Verdict = compare.VerdictWorse
	default:
		d.Verdict, d.MoreItems = compare.VerdictUndecided, 130
	}
	return d
}

func operation(r evaluate.Run, outs []evaluate.Output) compare.Operation {
	latency := values(outs, func(o evaluate.Output) (float64, bool) { return o.Latency.Seconds(), o.Error == "" })
	sp := spread(latency, 0, 2.5)
	at := func(v float64, w float64) stylesprint.Score {
		return stylesprint.Score{Metric: "latency", Value: v, Low: v - w, High: v + w, Level: .95, N: sp.N, Unit: "s", Signature: "latency"}
	}
	o := compare.Operation{
		LatencyP50: at(sp.Median, .06), LatencyP95: at(sp.P95, .21), FirstTokenP50: at(.09, 0), Latencies: sp, Outputs: len(outs),
		Cost: score("cost", "USD", values(outs, func(o evaluate.Output) (float64, bool) { return 10_000 * o.Cost.Units(), true }), "cost"),
	}
	for _, out := range outs {
		o.PromptTokens += float64(out.Usage.PromptTokens) / float64(len(outs))
		o.CompletionTokens += float64(out.Usage.CompletionTokens) / float64(len(outs))
		if out.Error != "" {
			o.Failed++
		}
		if out.FinishReason == stylesprint.FinishLength {
			o.Cut++
		}
	}
	return o
}

func spread(v []float64, lo, hi float64) compare.Spread {
	if len(v) == 0 {
		return compare.Spread{Low: lo, High: hi}
	}
	v = slices.Sorted(slices.Values(v))
	at := func(q float64) float64 { return v[int(q*float64(len(v)-1)+.5)] }
	s := compare.Spread{N: len(v), Min: v[0], P5: at(.05), P25: at(.25), Median: at(.5), P75: at(.75), P95: at(.95), Max: v[len(v)-1], Low: lo, High: hi, Counts: make([]int, 40)}
	s.Mean, _ = normal(v)
	for _, x := range v {
		s.Counts[min(39, max(0, int((x-lo)/(hi-lo)*40)))]++
	}
	return s
}

func decide(c *compare.Comparison) {
	best, sentence := "", "The data do not decide between "
	for i, k := range c.Candidates {
		if i > 0 && k.Differences[0].Verdict == compare.VerdictBetter {
			best = k.Name
		}
		if i > 0 {
			sentence += " and "
		}
		sentence += k.Name
	}
	c.Decision = compare.Decision{Outcome: compare.OutcomeUndecided, Sentence: sentence + ": about 130 more items would", MoreItems: 130, Reasons: []string{"No difference in similarity is larger than chance would make it (Holm-adjusted p above 0.05)."}}
	if best != "" {
		c.Decision = compare.Decision{
			Outcome: compare.OutcomeBetter, Winner: best,
			Sentence: "Take " + best + ": it is closer in meaning to the written references than " + c.Baseline + ", and no worse on BLEU",
			Reasons: []string{
				"Similarity decides. " + best + " is higher than " + c.Baseline + ", and the whole 95 % interval of the difference lies above zero.",
				"BLEU is not lower by more than its margin of 1.0 point.",
				"Latency is within the limit of 2 s at the 95th percentile for every candidate.",
			},
		}
	}
}
