package resample

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ClopperPearson is the exact two-sided interval of a rate of which k of n were
// seen (Clopper and Pearson 1934): each tail holds at most (1-level)/2, so that
// the interval covers the true rate with at least the level. Bounds lie in
// 0..1; with n = 0 nothing is known and they are 0 and 1.
func ClopperPearson(k, n int, level float64) (low, high float64) {
	tail := (1 - level) / 2
	return lowerBound(k, n, tail), upperBound(k, n, tail)
}

// UpperBound is the exact one-sided upper bound of a rate: had it been higher, k or
// fewer of n would have had a chance below 1-level. For k = 0 it is 1 - (1-level)^(1/n).
func UpperBound(k, n int, level float64) float64 { return upperBound(k, n, 1-level) }

// LowerBound is the exact one-sided lower bound of a rate; for k = n it is (1-level)^(1/n).
func LowerBound(k, n int, level float64) float64 { return lowerBound(k, n, 1-level) }

func upperBound(k, n int, tail float64) float64 {
	switch {
	case n <= 0 || k >= n:
		return 1
	case k <= 0:
		return -math.Expm1(math.Log(tail) / float64(n))
	}
	return betaQuantile(1-tail, float64(k)+1, float64(n-k))
}

func lowerBound(k, n int, tail float64) float64 {
	switch {
	case n <= 0 || k <= 0:
		return 0
	case k >= n:
		return math.Exp(math.Log(tail) / float64(n))
	}
	return betaQuantile(tail, float64(k), float64(n-k)+1)
}

// betaQuantile is the p-quantile of the beta distribution, by bisection until
// the halves are neighbouring numbers: slower than Newton's method and never lost.
func betaQuantile(p, a, b float64) float64 {
	low, high := 0.0, 1.0
	for range 1100 { // the smallest positive number is 2^-1074
		mid := low + (high-low)/2
		if mid == low || mid == high {
			break
		}
		if betaCDF(mid, a, b) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return low + (high-low)/2
}

// betaCDF is the regularised incomplete beta function I_x(a, b), by the continued
// fraction of DLMF 8.17.22 on the side where it converges fast.
func betaCDF(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - betaCDF(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	return front * betaFraction(x, a, b)
}

// betaFraction evaluates the continued fraction by Lentz's method.
func betaFraction(x, a, b float64) float64 {
	const tiny, most = 1e-300, 100_000
	keep := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/keep(1-(a+b)*x/(a+1))
	f := d
	for i := 1; i < most; i++ {
		m := float64(i)
		step := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / keep(1+step*d)
		c = keep(1 + step/c)
		f *= d * c
		step = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / keep(1+step*d)
		c = keep(1 + step/c)
		f *= d * c
		if math.Abs(d*c-1) < 1e-16 {
			break
		}
	}
	return f
}

// RateInterval is the interval of a rate whose rows are [hits, trials], where an
// exact one can be had; ok is false where the bootstrap's has to serve.
//
// Rows of one trial each are independent: with none or all of them hit the
// interval is the one-sided bound, otherwise Clopper and Pearson's. Rows of several trials
// (the variants of a family) are not independent inside: of none or all hit the
// bound takes each row as a single trial, which is conservative, since a row of several
// says at least as much as one; anything between is the bootstrap's.
// Rows without trials do not count.
func RateInterval(t Table, level float64) (low, high float64, ok bool) {
	rows, single := 0, true
	hits, trials := 0.0, 0.0
	for i := range t.Rows() {
		row := t.Row(i)
		if row[1] == 0 {
			continue
		}
		rows++
		hits, trials = hits+row[0], trials+row[1]
		single = single && row[1] == 1
	}
	switch {
	case rows == 0:
		return 0, 1, true
	case hits == 0:
		return 0, UpperBound(0, rows, level), true
	case hits == trials:
		return LowerBound(rows, rows, level), 1, true
	case single:
		low, high = ClopperPearson(int(math.Round(hits)), rows, level)
		return low, high, true
	}
	return 0, 0, false
}

// RateSentence says what k of n means for a catalogue of so many products, at a
// level such as 0.95: "0 of 120: at most 2.5 %, about 1,230 of 50,000 products".
// Rates between none and all get the two-sided interval.
func RateSentence(k, n int, level float64, catalogue int) string {
	head := fmt.Sprintf("%s of %s", grouped(k), grouped(n))
	size := grouped(catalogue)
	switch {
	case n <= 0:
		return head + ": nothing was checked"
	case k <= 0:
		high := UpperBound(0, n, level)
		return fmt.Sprintf("%s: at most %s, about %s of %s products", head, percent(high), products(high, catalogue), size)
	case k >= n:
		low := LowerBound(n, n, level)
		return fmt.Sprintf("%s: at least %s, about %s of %s products", head, percent(low), products(low, catalogue), size)
	}
	low, high := ClopperPearson(k, n, level)
	return fmt.Sprintf("%s (%s): between %s and %s, about %s to %s of %s products", head, percent(float64(k)/float64(n)),
		percent(low), percent(high), products(low, catalogue), products(high, catalogue), size)
}

// percent has two digits that mean something, and at least one decimal.
func percent(rate float64) string {
	p := 100 * rate
	digits := 1
	for shown := p; shown > 0 && shown < 1 && digits < 6; shown *= 10 {
		digits++
	}
	return strconv.FormatFloat(p, 'f', digits, 64) + " %"
}

// products is a share of a catalogue, rounded to three digits.
func products(rate float64, catalogue int) string {
	v := rate * float64(catalogue)
	unit := 1.0
	for v/unit >= 1000 {
		unit *= 10
	}
	return grouped(int(math.Round(v/unit) * unit))
}

func grouped(n int) string {
	s := strconv.Itoa(n)
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}
