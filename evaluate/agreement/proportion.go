package agreement

import (
	"context"
	"math"

	"stylesprint"
)

// proportionInterval names how intervals of proportions are made, in signatures.
const proportionInterval = "|interval:agresti-coull-clustered"

// ProportionScore is the mean of values between 0 and 1 (1 for a win, a half for a tie)
// with the interval of A. Agresti and B. A. Coull, "Approximate is better than exact
// for interval estimation of binomial proportions" (American Statistician 52, 1998,
// section 3), carried over to clusters: as if z squared over two more clusters of
// mean size had all values 1, and as many all values 0, with the variance between
// clusters. It stays honest for few values and near 0 and 1, where a bootstrap's
// interval shrinks to nothing. clusters may be nil.
func ProportionScore(values []float64, clusters []int, o Options) stylesprint.Score {
	o = o.withDefaults()
	s := stylesprint.Score{Metric: "proportion", N: len(values), Unit: "0-1", Signature: "proportion" + proportionInterval}
	if len(values) == 0 {
		return missing(s, undefined("there is nothing to count"))
	}
	for _, v := range values {
		s.Value += v
	}
	s.Value /= float64(len(values))
	low, high := agrestiCoull(values, number(len(values), clusters), quantile(o.Level))
	return o.finish(s, min(low, s.Value), max(high, s.Value), true)
}

func agrestiCoull(values []float64, groups []int, z float64) (low, high float64) {
	k := 0
	for _, g := range groups {
		k = max(k, g+1)
	}
	sum, size := make([]float64, k), make([]float64, k)
	for i, v := range values {
		sum[groups[i]] += v
		size[groups[i]]++
	}
	added := z * z / 2 // clusters, on either side
	n := float64(len(values))
	mean := n / float64(k) // size of a cluster
	p := mean * added
	for _, v := range sum {
		p += v
	}
	n += 2 * mean * added
	p /= n
	square := added * mean * mean * ((1-p)*(1-p) + p*p)
	for g, v := range sum {
		square += (v - p*size[g]) * (v - p*size[g])
	}
	all := float64(k) + 2*added
	half := z * math.Sqrt(all/(all-1)*square) / n
	return max(0, p-half), min(1, p+half)
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
		return missing(stylesprint.Score{Metric: "percent-agreement", Unit: "0-1", Signature: "percent-agreement" + proportionInterval}, undefined("no item has ratings of two people"))
	}
	s := ProportionScore(same, clusters, o)
	s.Metric, s.Signature = "percent-agreement", "percent-agreement"+proportionInterval
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
