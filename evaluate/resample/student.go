package resample

import "math"

// StudentCDF is the distribution function of Student's t with the given degrees
// of freedom (at least 1).
func StudentCDF(t float64, freedom int) float64 {
	switch {
	case math.IsInf(t, 1):
		return 1
	case math.IsInf(t, -1):
		return 0
	}
	v := float64(freedom)
	tail := betaCDF(v/(v+t*t), v/2, 0.5) / 2
	if t > 0 {
		return 1 - tail
	}
	return tail
}

// StudentQuantile inverts StudentCDF for p within (0, 1).
func StudentQuantile(p float64, freedom int) float64 {
	if p == 0.5 {
		return 0
	}
	if p > 0.5 {
		return -StudentQuantile(1-p, freedom)
	}
	low, high := -1.0, 0.0
	for StudentCDF(low, freedom) > p && low > -1e12 {
		high, low = low, 2*low
	}
	return bisect(low, high, func(t float64) bool { return StudentCDF(t, freedom) > p })
}

// bisect finds where above changes from false to true between low and high.
func bisect(low, high float64, above func(float64) bool) float64 {
	for range 200 {
		mid := low + (high-low)/2
		if mid == low || mid == high {
			break
		}
		if above(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return low + (high-low)/2
}

// BinomialCDF is the probability of at most k successes in n trials of
// probability p.
func BinomialCDF(k, n int, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return betaCDF(1-p, float64(n-k), float64(k+1))
}

// UnitsInterval is Interval widened for a small number of units: the percentile
// bootstrap is too narrow by the factor sqrt((n-1)/n) and lacks the tails of
// Student's t, so bounds are taken at the levels that give a mean's interval its
// usual width (Hesterberg, What Teachers Should Know About the Bootstrap, The
// American Statistician 2015, section 5.3: expanded percentile interval).
func UnitsInterval(values []float64, level float64, units int) (low, high float64) {
	if units < 2 {
		return Interval(values, level)
	}
	n := float64(units)
	t := StudentQuantile((1-level)/2, units-1) * math.Sqrt(n/(n-1))
	return Interval(values, 1-2*normalCDF(t))
}

// UnitsP widens a share of bootstrap samples, taken as a one-sided p value, in the
// same way: it is at most a iff the bound of UnitsInterval at level 1-2a excludes
// what the share counts.
func UnitsP(share float64, units int) float64 {
	if units < 2 {
		return 1
	}
	n := float64(units)
	return StudentCDF(NormalQuantile(share)*math.Sqrt((n-1)/n), units-1)
}

func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// BenjaminiHochberg adjusts p values so that, calling those below alpha, the
// expected share of false alarms among the calls stays below alpha (Benjamini and
// Hochberg 1995), in the order given. It is for lists that are looked through, not
// for decisions: see Holm.
func BenjaminiHochberg(p []float64) []float64 {
	order := sorted(p)
	out := make([]float64, len(p))
	lowest := 1.0
	for rank := len(p) - 1; rank >= 0; rank-- {
		i := order[rank]
		lowest = min(lowest, p[i]*float64(len(p))/float64(rank+1))
		out[i] = lowest
	}
	return out
}
