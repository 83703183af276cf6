package classification

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Binning says where the bins of a calibration curve end.
type Binning string

// The ways to bin.
const (
	Uniform   Binning = "uniform"  // equally wide between 0 and 1
	Quantiles Binning = "quantile" // about equally many items in each
)

// Bin is one point of a calibration curve.
type Bin struct {
	Predicted float64 `json:"predicted"` // mean probability in the bin
	Observed  float64 `json:"observed"`  // share of items for which it came true
	N         float64 `json:"n"`
}

// Calibration is how well probabilities hold, by bins.
type Calibration struct {
	ids  []int32 // each item's bin
	bins int
	hit  []bool
	p    []float64
}

// NewCalibration sorts probabilities, 0 to 1, into bins; hit says what came true.
func NewCalibration(hit []bool, p []float64, bins int, how Binning) (Calibration, error) {
	if len(hit) != len(p) {
		return Calibration{}, fmt.Errorf("calibration: %d outcomes and %d probabilities", len(hit), len(p))
	}
	if bins < 1 {
		return Calibration{}, fmt.Errorf("calibration: %d bins", bins)
	}
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return Calibration{}, fmt.Errorf("calibration: %v of item %d is no probability", v, i)
		}
	}
	inner := make([]float64, 0, bins)
	sorted := slices.Sorted(slices.Values(p))
	for i := 1; i < bins; i++ {
		q := float64(i) * (1 / float64(bins))
		if how == Quantiles {
			q = percentile(sorted, q*100)
		}
		inner = append(inner, q)
	}
	c := Calibration{ids: make([]int32, len(p)), bins: bins, hit: hit, p: p}
	for i, v := range p {
		c.ids[i] = int32(sort.SearchFloat64s(inner, v)) // v on an edge belongs to the bin below it
	}
	return c, nil
}

// percentile is numpy's, with its order of operations: an edge that is a value of
// the data must be that value to the last bit.
func percentile(sorted []float64, percent float64) float64 {
	at := float64(len(sorted)-1) * (percent / 100)
	i := int(at)
	if len(sorted) == 0 {
		return math.NaN()
	}
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	t, apart := at-float64(i), sorted[i+1]-sorted[i]
	if t >= 0.5 {
		return sorted[i+1] - apart*(1-t)
	}
	return sorted[i] + apart*t
}

func (c Calibration) sums(counts []int32) []Bin {
	out := make([]Bin, c.bins)
	for i, id := range c.ids {
		w := times(counts, i)
		b := &out[id]
		b.Predicted += w * c.p[i]
		b.N += w
		if c.hit[i] {
			b.Observed += w
		}
	}
	return out
}

// Curve returns the bins that hold items, by rising probability.
func (c Calibration) Curve() []Bin {
	bins := slices.DeleteFunc(c.sums(nil), func(b Bin) bool { return b.N == 0 })
	for i := range bins {
		bins[i].Predicted /= bins[i].N
		bins[i].Observed /= bins[i].N
	}
	return bins
}

// Error is the expected calibration error, 0 to 1: the mean over items of how far
// a bin's mean probability is from what came true in it (Naeini and others 2015;
// Guo and others 2017, equation 3). It is NaN without items.
func (c Calibration) Error(counts []int32) float64 {
	var sum, n float64
	for _, b := range c.sums(counts) {
		sum += math.Abs(b.Predicted - b.Observed)
		n += b.N
	}
	return sum / n
}
