// Package agreement measures how far people agree, and what their votes say.
//
// Key words: rating, alpha, kappa, strength, correlation.
//
// Ratings of the same units by several raters give Krippendorff's alpha and Cohen's
// kappa; comparisons of two candidates give win rates and Bradley-Terry strengths;
// a metric's differences beside votes give rank correlations. The usual path is
//
//	alpha, err := agreement.AlphaScore(ctx, ratings, agreement.Nominal, agreement.Options{})
//
// Functions whose names end in Score return a stylesprint.Score with an interval, or one
// that says why there is no value: "not measured: no item has two ratings". The
// plain functions return a number or an *Undefined. An error of a Score function
// is the context's. Everything is pure and safe for concurrent use.
//
// Units that resemble one another (colours of one dress, or several votes on one
// item) are drawn together: Clusters numbers them.
package agreement

import (
	"context"
	"fmt"
	"math"

	"stylesprint"
	"stylesprint/evaluate/resample"
)

// Undefined says why a figure has no value.
type Undefined struct{ Reason string }

func (e *Undefined) Error() string { return e.Reason }

func undefined(format string, args ...any) error {
	return &Undefined{fmt.Sprintf(format, args...)}
}

// Options steer intervals. The zero value is good.
type Options struct {
	Level   float64 // of the interval; 0: 0.95
	Samples int     // of the bootstrap; 0: 1,000
	Seed    uint64  // 0: resample.DefaultSeed
}

func (o Options) withDefaults() Options {
	if o.Level == 0 {
		o.Level = .95
	}
	if o.Samples == 0 {
		o.Samples = 1000
	}
	if o.Seed == 0 {
		o.Seed = resample.DefaultSeed
	}
	return o
}

func (o Options) signature() string {
	return fmt.Sprintf("|bs:%d|seed:%d", o.Samples, o.Seed)
}

// minDefined is the share of bootstrap samples that must have a value for an interval.
const minDefined = .9

// interval is the percentile interval of a statistic over samples of clusters.
// stat gets the weight of every unit and returns NaN where a sample gives no
// value; it is called from several goroutines. ok is false where too few samples
// have a value, or where all have the same: then resampling cannot tell how
// uncertain the value is.
func (o Options) interval(ctx context.Context, units int, clusters []int, stat func(weights []int32) float64) (low, high float64, ok bool, err error) {
	groups := number(units, clusters)
	n := 0
	for _, g := range groups {
		n = max(n, g+1)
	}
	values := make([]float64, o.Samples)
	err = resample.Each(ctx, n, resample.Options{Samples: o.Samples, Seed: o.Seed}, func(sample int, counts []int32) {
		weights := make([]int32, units)
		for u, g := range groups {
			weights[u] = counts[g]
		}
		values[sample] = stat(weights)
	})
	if err != nil {
		return 0, 0, false, err
	}
	defined := values[:0]
	for _, v := range values {
		if !math.IsNaN(v) {
			defined = append(defined, v)
		}
	}
	if float64(len(defined)) < minDefined*float64(o.Samples) {
		return 0, 0, false, nil
	}
	low, high = resample.Interval(defined, o.Level)
	return low, high, high-low > 1e-12, nil
}

// number maps clusters to 0, 1, 2 ...; without clusters every unit is its own.
func number(units int, clusters []int) []int {
	out := make([]int, units)
	seen := map[int]int{}
	for u := range out {
		if clusters == nil {
			out[u] = u
			continue
		}
		k, ok := seen[clusters[u]]
		if !ok {
			k = len(seen)
			seen[clusters[u]] = k
		}
		out[u] = k
	}
	return out
}

// finish makes a Score of a value with its interval, where one could be told.
func (o Options) finish(s stylesprint.Score, low, high float64, ok bool) stylesprint.Score {
	s.Low, s.High = s.Value, s.Value
	if ok {
		s.Low, s.High, s.Level = low, high, o.Level
	}
	return s
}

func missing(s stylesprint.Score, err error) stylesprint.Score {
	s.Value, s.Low, s.High, s.Level = 0, 0, 0, 0
	s.Missing = "not measured: " + err.Error()
	return s
}
