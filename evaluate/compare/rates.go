package compare

import (
	"math"

	"stylesprint/evaluate/resample"
)

// fewEvents is the number of unlike units from which on the bootstrap of a rate can be trusted.
const fewEvents = 10

// rateInferiority guards a rate, such as the share of texts with a false claim, where the
// bootstrap is too sure of itself: it knows nothing of events that did not happen.
// It returns the larger of two p values against losing the margin or more: the score
// test of matched pairs (Tango, Statistics in Medicine 1998) where every unit is one
// item, and, where the candidates hardly ever differ, the exact one of the losses, as
// if no gain offset any. In that case it also widens the interval to the exact (Clopper-Pearson)
// bounds of the two kinds of difference.
func rateInferiority(x pair, m Metric, d *Difference) float64 {
	n, up, down, single := 0, 0, 0, true
	for i := range x.mineTable.Rows() {
		mine, base := x.mineTable.Row(i), x.baseTable.Row(i)
		if mine[1] == 0 || base[1] == 0 {
			continue
		}
		n++
		single = single && mine[1] == 1 && base[1] == 1
		switch delta := mine[0]/mine[1] - base[0]/base[1]; {
		case delta > 0:
			up++
		case delta < 0:
			down++
		}
	}
	if n == 0 {
		return 0
	}
	scale := 1.0
	if m.Unit == "0-100" {
		scale = 100
	}
	losses, gains, margin := down, up, min(1, m.Margin/scale)
	if m.Direction == DirectionLower {
		losses, gains = up, down
	}
	p := 0.0
	if single {
		p = matchedPairsP(n, losses, gains, margin)
	}
	if up+down >= fewEvents {
		return p
	}
	d.High = max(d.High, scale*resample.UpperBound(up, n, (1+level)/2))
	d.Low = min(d.Low, -scale*resample.UpperBound(down, n, (1+level)/2))
	return max(p, resample.BinomialCDF(losses, n, margin))
}

// matchedPairsP is the one-sided p value of Tango's score test: of n pairs some were
// lost and some gained, and the null hypothesis is that the true share of losses
// exceeds that of gains by the margin or more.
func matchedPairsP(n, losses, gains int, margin float64) float64 {
	if margin <= 0 || margin >= 1 {
		return 0 // no such hypothesis: the bootstrap decides
	}
	// Tango's b and c are the discordant cells, his N the pairs, and his Delta the
	// difference of the proportions under the null hypothesis.
	N, b, c := float64(n), float64(losses), float64(gains)
	A, B, C := 2*N, -b-c+(2*N-b+c)*margin, -c*margin*(1-margin)
	q := (math.Sqrt(max(0, B*B-4*A*C)) - B) / (2 * A)
	variance := N * (2*q + margin*(1-margin))
	if variance <= 0 {
		return 1
	}
	return normalCDF((b - c - N*margin) / math.Sqrt(variance))
}

func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
