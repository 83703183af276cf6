package compare

import (
	"math"
	"slices"

	"stylesprint/evaluate/resample"
)

// spreadBins is the number of bars of a histogram.
const spreadBins = 20

// spreads describes the scores of single outputs, on bins that all candidates share.
func (a *analysis) spreads(i int) []Spread {
	out := make([]Spread, len(a.Metrics))
	for m := range a.Metrics {
		low, high := math.Inf(1), math.Inf(-1)
		for _, col := range a.columns {
			low = min(low, slices.Min(col.measures[m].scores))
			high = max(high, slices.Max(col.measures[m].scores))
		}
		out[m] = spread(a.columns[i].measures[m].scores, low, high)
	}
	return out
}

// spread sorts a copy of values; bins lie between low and high.
func spread(values []float64, low, high float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	q := func(p float64) float64 { return resample.Quantile(sorted, nil, p) }
	s := Spread{N: len(sorted), Min: sorted[0], P5: q(0.05), P25: q(0.25), Median: q(0.5), P75: q(0.75), P95: q(0.95), Max: sorted[len(sorted)-1], Low: low, High: high}
	s.Counts = make([]int, spreadBins)
	for _, v := range sorted {
		s.Mean += v / float64(len(sorted))
		bin := 0
		if high > low {
			bin = min(spreadBins-1, int((v-low)/(high-low)*spreadBins))
		}
		s.Counts[bin]++
	}
	return s
}
