package agreement

import (
	"context"
	"math"
	"slices"

	"stylesprint"
)

// Scale says how far apart two ratings are.
type Scale string

// The scales.
const (
	Nominal  Scale = "nominal"  // equal or not
	Ordinal  Scale = "ordinal"  // by the ratings that lie between
	Interval Scale = "interval" // by the square of the difference
)

// Ratings holds what raters said of units.
type Ratings struct {
	// Values has a row for each unit with a value for each rater; NaN: not rated.
	Values [][]float64
	// Clusters numbers units that are drawn together; nil: none are.
	Clusters []int
}

// Alpha is Krippendorff's alpha (K. Krippendorff, "Content Analysis", 4th ed., 2019,
// section 12.3): 1 - observed over expected disagreement; at most 1, 0 for what chance
// gives. Units with one rating add nothing. It is undefined without two ratings of a
// unit, and where all ratings are the same.
func Alpha(values [][]float64, scale Scale) (float64, error) {
	c := newCounts(values)
	return c.alpha(scale, nil)
}

// AlphaScore is Alpha with a bootstrap interval over the clusters of units. N
// is the number of units with two ratings or more.
func AlphaScore(ctx context.Context, r Ratings, scale Scale, o Options) (stylesprint.Score, error) {
	o = o.withDefaults()
	c := newCounts(r.Values)
	s := stylesprint.Score{Metric: "alpha-" + string(scale), N: c.pairable(), Signature: "krippendorff-alpha|scale:" + string(scale) + o.signature()}
	var err error
	if s.Value, err = c.alpha(scale, nil); err != nil {
		return missing(s, err), nil
	}
	low, high, ok, err := o.interval(ctx, len(r.Values), r.Clusters, func(w []int32) float64 {
		v, err := c.alpha(scale, w)
		if err != nil {
			return math.NaN()
		}
		return v
	})
	return o.finish(s, low, high, ok), err
}

// counts is how often each value of the domain was given to each unit.
type counts struct {
	domain []float64 // sorted
	units  [][]int32
}

func newCounts(values [][]float64) counts {
	var c counts
	for _, row := range values {
		for _, v := range row {
			if !math.IsNaN(v) {
				c.domain = append(c.domain, v)
			}
		}
	}
	slices.Sort(c.domain)
	c.domain = slices.Compact(c.domain)
	for _, row := range values {
		unit := make([]int32, len(c.domain))
		for _, v := range row {
			if !math.IsNaN(v) {
				at, _ := slices.BinarySearch(c.domain, v)
				unit[at]++
			}
		}
		c.units = append(c.units, unit)
	}
	return c
}

func total(unit []int32) (n int32) {
	for _, v := range unit {
		n += v
	}
	return n
}

func (c counts) pairable() int {
	n := 0
	for _, u := range c.units {
		if total(u) > 1 {
			n++
		}
	}
	return n
}

// coincidences adds up, for each unit, how often two raters gave two values
// (Krippendorff's matrix o_ck), row after row.
func (c counts) coincidences(weights []int32) []float64 {
	k := len(c.domain)
	o := make([]float64, k*k)
	for u, unit := range c.units {
		m := total(unit)
		if m < 2 || weights != nil && weights[u] == 0 {
			continue
		}
		w := 1 / float64(m-1)
		if weights != nil {
			w *= float64(weights[u])
		}
		for a, na := range unit {
			if na == 0 {
				continue
			}
			for b, nb := range unit {
				if a == b {
					nb--
				}
				o[a*k+b] += w * float64(na) * float64(nb)
			}
		}
	}
	return o
}

func (c counts) alpha(scale Scale, weights []int32) (float64, error) {
	k := len(c.domain)
	o := c.coincidences(weights)
	margin := make([]float64, k)
	n := 0.0
	for a := range k {
		for b := range k {
			margin[a] += o[a*k+b]
		}
		n += margin[a]
	}
	if n == 0 {
		return 0, undefined("no item has ratings of two people")
	}
	observed, expected := 0.0, 0.0
	for a := range k {
		for b := range k {
			d := c.distance(scale, margin, a, b)
			observed += o[a*k+b] * d
			expected += margin[a] * margin[b] * d
		}
	}
	if expected == 0 {
		return 0, undefined("everybody gave the same answer to everything, so agreement cannot be told from chance")
	}
	return 1 - (n-1)*observed/expected, nil
}

// distance is the squared difference of two values of the domain.
func (c counts) distance(scale Scale, margin []float64, a, b int) float64 {
	if a == b {
		return 0
	}
	switch scale {
	case Ordinal:
		lo, hi := min(a, b), max(a, b)
		between := -(margin[lo] + margin[hi]) / 2
		for g := lo; g <= hi; g++ {
			between += margin[g]
		}
		return between * between
	case Interval:
		d := c.domain[a] - c.domain[b]
		return d * d
	}
	return 1
}
