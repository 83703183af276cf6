package agreement

import (
	"context"
	"math"

	"stylesprint"
)

// ProportionScore is the mean of values between 0 and 1 (1 for a win, a half for a tie)
// with Wilson's score interval (E. B. Wilson 1927), which stays honest near 0 and 1
// and for few values. Values of one cluster are not independent, so n is
// replaced by an effective sample size, n over the design effect (L. Kish, "Survey
// Sampling", 1965, section 8.2), never above n; where the clusters do not vary
// at all, it is the number of clusters. clusters may be nil.
func ProportionScore(values []float64, clusters []int, o Options) stylesprint.Score {
	o = o.withDefaults()
	s := stylesprint.Score{Metric: "proportion", N: len(values), Unit: "0-1", Signature: "proportion|interval:wilson-clustered"}
	if len(values) == 0 {
		return missing(s, undefined("there is nothing to count"))
	}
	n := float64(len(values))
	for _, v := range values {
		s.Value += v
	}
	s.Value /= n
	low, high := wilson(s.Value, effective(values, s.Value, clusters), quantile(o.Level))
	return o.finish(s, low, high, true)
}

// effective is the number of independent values that would tell as much.
func effective(values []float64, mean float64, clusters []int) float64 {
	groups := number(len(values), clusters)
	sums := map[int]float64{}
	for i, v := range values {
		sums[groups[i]] += v - mean
	}
	k, n := float64(len(sums)), float64(len(values))
	square := 0.0
	for g := range len(sums) { // in order, so that the sum is the same each time
		square += sums[g] * sums[g]
	}
	if k < 2 || square < 1e-12 {
		return k
	}
	variance := k / (k - 1) * square / (n * n)
	return min(n, max(1, mean*(1-mean)/variance))
}

func wilson(p, n, z float64) (low, high float64) {
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, centre-half), min(1, centre+half)
}

// quantile is the two-sided quantile of the standard normal distribution.
func quantile(level float64) float64 { return math.Sqrt2 * math.Erfinv(level) }

// PercentAgreement is the share of pairs of ratings of the same unit that are
// equal, with its interval. N is the number of such pairs.
func PercentAgreement(r Ratings, o Options) stylesprint.Score {
	var same []float64
	var clusters []int
	for u, row := range r.Values {
		for i := range row {
			for j := range i {
				if math.IsNaN(row[i]) || math.IsNaN(row[j]) {
					continue
				}
				v := 0.0
				if row[i] == row[j] {
					v = 1
				}
				same = append(same, v)
				if r.Clusters != nil {
					clusters = append(clusters, r.Clusters[u])
				} else {
					clusters = append(clusters, u)
				}
			}
		}
	}
	if len(same) == 0 {
		return missing(stylesprint.Score{Metric: "percent-agreement", Unit: "0-1", Signature: "percent-agreement|interval:wilson-clustered"}, undefined("no item has ratings of two people"))
	}
	s := ProportionScore(same, clusters, o)
	s.Metric, s.Signature = "percent-agreement", "percent-agreement|interval:wilson-clustered"
	return s
}

// MeanScore is the mean of values with a bootstrap interval over clusters, which may be nil.
func MeanScore(ctx context.Context, values []float64, clusters []int, o Options) (stylesprint.Score, error) {
	o = o.withDefaults()
	s := stylesprint.Score{Metric: "mean", N: len(values), Signature: "mean" + o.signature()}
	if len(values) == 0 {
		return missing(s, undefined("nobody gave a mark")), nil
	}
	mean := func(w []int32) float64 {
		sum, n := 0.0, 0.0
		for i, v := range values {
			f := 1.0
			if w != nil {
				f = float64(w[i])
			}
			sum += f * v
			n += f
		}
		return sum / n
	}
	s.Value = mean(nil)
	low, high, ok, err := o.interval(ctx, len(values), clusters, mean)
	return o.finish(s, low, high, ok), err
}
