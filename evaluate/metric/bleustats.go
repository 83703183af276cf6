package metric

import "math"

// Stats are the sufficient statistics of BLEU: a corpus's are the sum of its samples'.
type Stats struct {
	SysLen  int           `json:"sys_len"` // tokens of the hypothesis
	RefLen  int           `json:"ref_len"` // tokens of the closest reference, the shorter of two
	Correct [maxOrder]int `json:"correct"` // n-grams shared with the references, clipped
	Total   [maxOrder]int `json:"total"`   // n-grams of the hypothesis
}

// Add returns the sum of two statistics.
func (s Stats) Add(t Stats) Stats {
	s.SysLen += t.SysLen
	s.RefLen += t.RefLen
	for n := range maxOrder {
		s.Correct[n] += t.Correct[n]
		s.Total[n] += t.Total[n]
	}
	return s
}

// statsWidth is the length of Stats as a vector.
const statsWidth = 2 + 2*maxOrder

// vector is Stats as numbers that may be scaled: lengths, matches, totals.
type vector [statsWidth]float64

func (s Stats) vector(v []float64) {
	v[0], v[1] = float64(s.SysLen), float64(s.RefLen)
	for n := range maxOrder {
		v[2+n] = float64(s.Correct[n])
		v[2+maxOrder+n] = float64(s.Total[n])
	}
}

// BLEUScore is a score and what it is made of.
type BLEUScore struct {
	Score      float64           `json:"score"`      // 0..100
	Precisions [maxOrder]float64 `json:"precisions"` // 0..100, smoothed, by order
	BP         float64           `json:"bp"`         // brevity penalty
	SysLen     int               `json:"sys_len"`
	RefLen     int               `json:"ref_len"`
}

// score follows sacrebleu's compute_bleu, whose order of steps matters: the
// add-k smoothing comes before the test for a total of zero, so that orders
// longer than a text score 100 %.
func (b *BLEU) score(v *vector, effective bool) BLEUScore {
	sys, ref := v[0], v[1]
	correct, total := v[2:2+maxOrder], v[2+maxOrder:]
	out := BLEUScore{BP: 1, SysLen: int(math.Round(sys)), RefLen: int(math.Round(ref))}
	if sys < ref {
		out.BP = 0
		if sys > 0 {
			out.BP = math.Exp(1 - ref/sys)
		}
	}
	matches := 0.0
	for _, c := range correct {
		matches += c
	}
	if matches == 0 {
		return out
	}
	halving := 1.0
	orders := maxOrder
	for n := range maxOrder {
		c, t := correct[n], total[n]
		if b.o.Smoothing == SmoothAddK && n > 0 {
			c += b.o.SmoothValue
			t += b.o.SmoothValue
		}
		if t == 0 {
			break
		}
		if effective {
			orders = n + 1
		}
		switch {
		case c != 0:
			out.Precisions[n] = 100 * c / t
		case b.o.Smoothing == SmoothExp:
			halving *= 2
			out.Precisions[n] = 100 / (halving * t)
		case b.o.Smoothing == SmoothFloor:
			out.Precisions[n] = 100 * b.o.SmoothValue / t
		}
	}
	logs := 0.0
	for _, p := range out.Precisions[:orders] {
		if p == 0 {
			return out // sacrebleu takes -9999999999 for the logarithm of 0, and e to that is 0
		}
		logs += math.Log(p)
	}
	out.Score = out.BP * math.Exp(logs/float64(orders))
	return out
}
