package shard

import (
	"maps"
	"math"
	"slices"
)

// SketchError is the relative error of a Sketch's quantiles, at most.
const SketchError = 0.01

// Sketch counts positive values in bins of logarithmic width, so that quantiles are
// known to within SketchError of the value, and sketches add up: a DDSketch without
// limit on its bins (Masson, Rim and Lee, "DDSketch", VLDB 2019, section 2). The zero value
// is empty.
type Sketch struct {
	Bins map[int]int `json:"bins,omitempty"` // by ceil(log of the value to base gamma)
	Zero int         `json:"zero,omitempty"` // values of 0 or less
	N    int         `json:"n"`
	Sum  float64     `json:"sum"`
	Min  float64     `json:"min"`
	Max  float64     `json:"max"`
}

// gamma is the ratio of a bin's bounds.
const gamma = (1 + SketchError) / (1 - SketchError)

// Add counts a value.
func (s *Sketch) Add(v float64) {
	if s.N == 0 {
		s.Min, s.Max = v, v
	}
	s.Min, s.Max = min(s.Min, v), max(s.Max, v)
	s.N++
	s.Sum += v
	if v <= 0 {
		s.Zero++
		return
	}
	if s.Bins == nil {
		s.Bins = map[int]int{}
	}
	s.Bins[int(math.Ceil(math.Log(v)/math.Log(gamma)))]++
}

// Merge adds another sketch.
func (s *Sketch) Merge(o Sketch) {
	if o.N == 0 {
		return
	}
	if s.N == 0 {
		s.Min, s.Max = o.Min, o.Max
	}
	s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
	s.N += o.N
	s.Sum += o.Sum
	s.Zero += o.Zero
	if s.Bins == nil {
		s.Bins = make(map[int]int, len(o.Bins))
	}
	for bin, n := range o.Bins {
		s.Bins[bin] += n
	}
}

// Mean is exact; 0 of an empty sketch.
func (s Sketch) Mean() float64 { return s.Sum / float64(max(1, s.N)) }

// Quantile is the value of rank floor(q * (n - 1)), from 0, to within SketchError of
// it; NaN of an empty sketch. Values of 0 or less count as 0.
func (s Sketch) Quantile(q float64) float64 {
	if s.N == 0 {
		return math.NaN()
	}
	rank := int(q * float64(s.N-1))
	if rank < s.Zero {
		return 0
	}
	seen := s.Zero
	bins := slices.Sorted(maps.Keys(s.Bins))
	for _, bin := range bins {
		if seen += s.Bins[bin]; seen > rank {
			return math.Pow(gamma, float64(bin)) * 2 / (gamma + 1)
		}
	}
	return s.Max
}
