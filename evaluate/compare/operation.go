package compare

import (
	"cmp"
	"context"
	"math"
	"slices"

	"stylesprint"
	"stylesprint/evaluate/resample"
)

// per1000 turns a mean cost of an output into the cost of 1,000.
const per1000 = 1000

// operation sums up what a column costs and how fast it answers.
func (a *analysis) operation(ctx context.Context, i int) (Operation, error) {
	col := a.columns[i]
	op := col.operation
	outputs := float64(max(1, op.Outputs))
	op.PromptTokens, op.CompletionTokens = float64(col.prompt)/outputs, float64(col.complete)/outputs

	op.Cost = stylesprint.Score{Metric: "cost", Unit: currency(col), N: op.Outputs, Signature: "cost of 1,000 outputs|from tokens and price"}
	if why := noCost(col); why != "" {
		op.Cost.Missing = why
	} else {
		a.rivals.costs[i] = a.costs[i]
		setInterval(&op.Cost, meanValue(col.cost.Sum())*per1000, scaled(a.costs[i], per1000), a.Families)
	}
	if err := a.latencies(ctx, col, &op); err != nil {
		return op, err
	}
	a.operationDifferences(i, &op)
	return op, nil
}

func currency(col *column) string {
	if c := col.run.Candidate.Price.Currency; c != "" {
		return c
	}
	return "USD"
}

func noCost(col *column) string {
	if col.prompt+col.complete == 0 && col.cost.Sum()[0] == 0 {
		return "not measured: the outputs carry no token counts"
	}
	return ""
}

func setInterval(s *stylesprint.Score, value float64, samples []float64, units int) {
	s.Value, s.Low, s.High = value, value, value
	if units > 1 {
		s.Low, s.High = resample.Interval(samples, level)
		s.Level = level
	}
}

func scaled(values []float64, by float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v * by
	}
	return out
}

// latencies finds the percentiles and their intervals. Every sample of the
// bootstrap is the same draw as for the scores.
func (a *analysis) latencies(ctx context.Context, col *column, op *Operation) error {
	seconds := func(name string, list []timed) stylesprint.Score {
		s := stylesprint.Score{Metric: name, Unit: "s", N: len(list), Signature: "seconds|not replayed, not failed|linear interpolation"}
		if len(list) == 0 {
			s.Missing = "not measured: no output came from a call of this run"
			if name == "first_token_p50" && len(col.latency) > 0 {
				s.Missing = "not measured: the provider does not tell"
			}
		}
		return s
	}
	op.LatencyP50, op.LatencyP95 = seconds("latency_p50", col.latency), seconds("latency_p95", col.latency)
	op.FirstTokenP50 = seconds("first_token_p50", col.first)
	if err := a.quantiles(ctx, col.latency, map[float64]*stylesprint.Score{0.5: &op.LatencyP50, 0.95: &op.LatencyP95}); err != nil {
		return err
	}
	if err := a.quantiles(ctx, col.first, map[float64]*stylesprint.Score{0.5: &op.FirstTokenP50}); err != nil {
		return err
	}
	longest := 0.0
	for _, c := range a.columns {
		for _, t := range c.latency {
			longest = max(longest, t.seconds)
		}
	}
	values := make([]float64, len(col.latency))
	for i, t := range col.latency {
		values[i] = t.seconds
	}
	op.Latencies = spread(values, 0, longest)
	return nil
}

func (a *analysis) quantiles(ctx context.Context, list []timed, want map[float64]*stylesprint.Score) error {
	if len(list) == 0 {
		return nil
	}
	list = slices.SortedStableFunc(slices.Values(list), func(x, y timed) int { return cmp.Compare(x.seconds, y.seconds) })
	values := make([]float64, len(list))
	for i, t := range list {
		values[i] = t.seconds
	}
	samples := map[float64][]float64{}
	for q := range want {
		samples[q] = make([]float64, a.Method.Bootstrap)
	}
	o := resample.Options{Samples: a.Method.Bootstrap, Seed: a.Method.Seed}
	err := resample.Each(ctx, a.Families, o, func(sample int, counts []int32) {
		mine := make([]int32, len(list))
		for i, t := range list {
			mine[i] = counts[t.unit]
		}
		for q := range want {
			samples[q][sample] = resample.Quantile(values, mine, q)
		}
	})
	if err != nil {
		return err
	}
	for q, s := range want {
		drawn := slices.DeleteFunc(samples[q], math.IsNaN) // samples without a single measured output
		setInterval(s, resample.Quantile(values, nil, q), drawn, min(a.Families, len(drawn)))
	}
	return nil
}

// operationDifferences compares cost and mean latency with the baseline's.
func (a *analysis) operationDifferences(i int, op *Operation) {
	col, base := a.columns[i], a.columns[a.base]
	op.CostDifference = stylesprint.Score{Metric: "cost_difference", Unit: currency(col), N: op.Outputs, Signature: "candidate minus baseline|cost of 1,000 outputs"}
	op.LatencyDifference = stylesprint.Score{Metric: "latency_difference", Unit: "s", N: len(col.latency), Signature: "candidate minus baseline|mean seconds of an output"}
	if i == a.base {
		op.CostDifference.Missing, op.LatencyDifference.Missing = "this is the baseline", "this is the baseline"
		return
	}
	switch {
	case noCost(col) != "" || noCost(base) != "":
		op.CostDifference.Missing = "not measured: the outputs carry no token counts"
	case currency(col) != currency(base):
		op.CostDifference.Missing = "not comparable: the prices are in " + currency(base) + " and " + currency(col)
	default:
		delta := meanValue(col.cost.Sum()) - meanValue(base.cost.Sum())
		setInterval(&op.CostDifference, delta*per1000, scaled(minus(a.costs[i], a.costs[a.base]), per1000), a.Families)
	}
	switch {
	case len(col.latency) == 0 || len(base.latency) == 0:
		op.LatencyDifference.Missing = "not measured: one of them was replayed from a record"
	case col.run.Machine != base.run.Machine && col.run.Machine != "" && base.run.Machine != "":
		op.LatencyDifference.Missing = "not comparable: the runs were made on different machines"
	case col.run.Concurrency != base.run.Concurrency:
		op.LatencyDifference.Missing = "not comparable: the runs made different numbers of calls at once"
	default:
		delta := meanValue(col.waiting.Sum()) - meanValue(base.waiting.Sum())
		setInterval(&op.LatencyDifference, delta, minus(a.waits[i], a.waits[a.base]), a.Families)
	}
}
