package compare

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"stylesprint"
	"stylesprint/evaluate/resample"
)

// tail is the fewest values that a percentile beyond the median is taken of: with
// fewer, not one value is expected to lie above it.
func tail(q float64) int { return int(math.Round(1 / (1 - q))) }

// percentile describes the q-quantile of a list of durations, or says why there is none.
func percentile(name string, list []timed, q float64, why string) stylesprint.Score {
	s := stylesprint.Score{Metric: name, Unit: "s", N: len(list), Signature: "seconds|not replayed, not failed|linear interpolation"}
	switch {
	case len(list) == 0:
		s.Missing = why
	case q > 0.5 && len(list) < tail(q):
		s.Missing = fmt.Sprintf("not measured: %d %s too few for a %.0fth percentile", len(list), outputsAre(len(list)), q*100)
	}
	return s
}

func outputsAre(n int) string {
	if n == 1 {
		return "output is"
	}
	return "outputs are"
}

// latencies finds the percentiles and their intervals. Every sample of the
// bootstrap is the same draw as for the scores.
func (a *analysis) latencies(ctx context.Context, i int, op *Operation) error {
	col := a.columns[i]
	none, silent := "not measured: no output came from a call of this run", "not measured: the provider does not tell"
	if len(col.latency) == 0 {
		silent = none
	}
	op.LatencyP50 = percentile("latency_p50", col.latency, 0.5, none)
	op.LatencyP95 = percentile("latency_p95", col.latency, 0.95, none)
	op.LatencyP99 = percentile("latency_p99", col.latency, 0.99, none)
	op.FirstTokenP50 = percentile("first_token_p50", col.first, 0.5, silent)
	op.FirstTokenP95 = percentile("first_token_p95", col.first, 0.95, silent)
	op.ReportedP50 = percentile("reported_latency_p50", col.reported, 0.5, "no record tells a latency")
	op.ReportedP95 = percentile("reported_latency_p95", col.reported, 0.95, "no record tells a latency")
	op.ReportedP50.Signature = "seconds|reported by the record, not measured here|linear interpolation"
	op.ReportedP95.Signature = op.ReportedP50.Signature
	p50, err := a.quantiles(ctx, col.latency, map[float64]*stylesprint.Score{0.5: &op.LatencyP50, 0.95: &op.LatencyP95, 0.99: &op.LatencyP99})
	if err != nil {
		return err
	}
	a.medians[i] = p50
	if _, err := a.quantiles(ctx, col.first, map[float64]*stylesprint.Score{0.5: &op.FirstTokenP50, 0.95: &op.FirstTokenP95}); err != nil {
		return err
	}
	if _, err := a.quantiles(ctx, col.reported, map[float64]*stylesprint.Score{0.5: &op.ReportedP50, 0.95: &op.ReportedP95}); err != nil {
		return err
	}
	longest := 0.0
	for _, c := range a.columns {
		for _, t := range c.latency {
			longest = max(longest, t.seconds)
		}
	}
	op.Latencies = spread(secondsOf(col.latency), 0, longest)
	return nil
}

func secondsOf(list []timed) []float64 {
	out := make([]float64, len(list))
	for i, t := range list {
		out[i] = t.seconds
	}
	return out
}

// quantiles fills in the scores that are not missing, and returns the medians of
// the bootstrap samples: NaN where a sample holds no measured output.
func (a *analysis) quantiles(ctx context.Context, list []timed, want map[float64]*stylesprint.Score) ([]float64, error) {
	if len(list) == 0 {
		return nil, nil
	}
	list = slices.SortedStableFunc(slices.Values(list), func(x, y timed) int { return cmp.Compare(x.seconds, y.seconds) })
	values := secondsOf(list)
	samples := map[float64][]float64{}
	for q, s := range want {
		if s.Missing == "" {
			samples[q] = make([]float64, a.Method.Bootstrap)
		}
	}
	o := resample.Options{Samples: a.Method.Bootstrap, Seed: a.Method.Seed}
	err := resample.Each(ctx, a.Families, o, func(sample int, counts []int32) {
		mine := make([]int32, len(list))
		for i, t := range list {
			mine[i] = counts[t.unit]
		}
		for q, out := range samples {
			out[sample] = resample.Quantile(values, mine, q)
		}
	})
	if err != nil {
		return nil, err
	}
	for q, out := range samples {
		drawn := slices.DeleteFunc(slices.Clone(out), math.IsNaN)
		setInterval(want[q], resample.Quantile(values, nil, q), drawn, min(a.Families, len(drawn)))
	}
	return samples[0.5], nil
}

// throughput is outputs, and completion tokens, a second while measured calls were
// under way; the time between an interruption and its resumption does not
// count. It is the number of calls that ran at once, on average, over the mean
// latency (Little's law), and its interval is that of the mean latency.
func (a *analysis) throughput(i int, op *Operation) {
	col := a.columns[i]
	made := max(1, col.run.Concurrency)
	signature := fmt.Sprintf("a second of busy time|not replayed, not failed|concurrency:%d", made)
	op.Throughput = stylesprint.Score{Metric: "throughput", Unit: "outputs/s", N: len(col.latency), Signature: signature}
	op.TokenRate = stylesprint.Score{Metric: "tokens_per_second", Unit: "tokens/s", N: len(col.latency), Signature: signature}
	sum := col.waiting.Sum()
	switch {
	case len(col.latency) == 0:
		op.Throughput.Missing = "not measured: no output came from a call of this run"
	case sum[0] == 0:
		op.Throughput.Missing = "not measured: the calls took no time"
	}
	op.TokenRate.Missing = op.Throughput.Missing
	if op.TokenRate.Missing == "" && sum[2] == 0 {
		op.TokenRate.Missing = "not measured: the outputs carry no token counts"
	}
	if op.Throughput.Missing != "" {
		return
	}
	atOnce := min(float64(made), max(1, sum[0]/busy(col.calls).Seconds()))
	outputs := func(s []float64) float64 { return atOnce * s[1] / s[0] }
	tokens := func(s []float64) float64 { return atOnce * s[2] / s[0] }
	for _, x := range []struct {
		score *stylesprint.Score
		of    func([]float64) float64
	}{{&op.Throughput, outputs}, {&op.TokenRate, tokens}} {
		if x.score.Missing == "" {
			drawn := slices.DeleteFunc(a.waited[i].Scores(x.of), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
			setInterval(x.score, x.of(sum), drawn, min(a.Families, len(drawn)))
		}
	}
}

// busy is the length of time in which at least one call was under way.
func busy(calls []span) time.Duration {
	sorted := slices.SortedFunc(slices.Values(calls), func(x, y span) int { return cmp.Compare(x.from, y.from) })
	var total, until int64
	for i, s := range sorted {
		if i == 0 || s.from > until {
			until = s.from
		}
		if s.to > until {
			total += s.to - until
			until = s.to
		}
	}
	return time.Duration(max(1, total))
}
