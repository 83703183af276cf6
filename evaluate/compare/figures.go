package compare

import (
	"stylesprint"
	"stylesprint/evaluate/resample"
)

// Figure is one figure of cost, speed or reliability, under the name that rules
// and files use.
type Figure struct {
	Name      string // "cost_per_10000", "latency_p95"
	Title     string // for people
	Direction Direction
	Score     stylesprint.Score
	Rate      bool // a share of the outputs, each with 0 or 1
}

// Figures lists what is known of a candidate's cost and speed, and the shares of
// its outputs that failed or were cut off, always in the same order.
func (o Operation) Figures() []Figure {
	return []Figure{
		{"cost_per_10000", "Cost per 10,000 outputs", DirectionLower, o.Cost, false},
		{"latency_p50", "Latency, median", DirectionLower, o.LatencyP50, false},
		{"latency_p95", "Latency, 95th percentile", DirectionLower, o.LatencyP95, false},
		{"latency_p99", "Latency, 99th percentile", DirectionLower, o.LatencyP99, false},
		{"first_token_p50", "First token, median", DirectionLower, o.FirstTokenP50, false},
		{"first_token_p95", "First token, 95th percentile", DirectionLower, o.FirstTokenP95, false},
		{"throughput", "Outputs a second", DirectionHigher, o.Throughput, false},
		{"tokens_per_second", "Tokens a second", DirectionHigher, o.TokenRate, false},
		{"failed_share", "Outputs that failed", DirectionLower, share("failed_share", o.Failed, o.Outputs), true},
		{"cut_share", "Outputs cut off at the token limit", DirectionLower, share("cut_share", o.Cut, o.Outputs), true},
	}
}

// share is a count as a share of the outputs, with its exact interval: of none or
// all of them the one-sided bound.
func share(name string, n, outputs int) stylesprint.Score {
	s := stylesprint.Score{Metric: name, Unit: "0-1", N: outputs, Signature: "share of outputs|interval:clopper-pearson"}
	if outputs == 0 {
		s.Missing = "not measured: there are no outputs"
		return s
	}
	s.Value, s.Level = float64(n)/float64(outputs), level
	switch n {
	case 0:
		s.High = resample.UpperBound(n, outputs, level)
	case outputs:
		s.Low, s.High = resample.LowerBound(n, outputs, level), 1
	default:
		s.Low, s.High = resample.ClopperPearson(n, outputs, level)
	}
	return s
}

// Amount prints a value of the metric with the digits that its unit deserves.
func (m Metric) Amount(v float64) string { return amount(v, m.Unit) }

// Text is "+3.21 (95 % interval 1.10 to 5.32, p = 0.002)", p being the adjusted one.
func (d Difference) Text(m Metric) string { return difference(d, m) }

// Gain is the difference with its sign turned so that more is better.
func (d Difference) Gain(m Metric) float64 { return gainOf(d.Delta, m) }
