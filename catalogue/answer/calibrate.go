package answer

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"stylesprint/catalogue"
)

// Lexical is the name of no encoder: passages are ranked by words in common.
const Lexical = "lexical"

//go:embed calibration.json
var calibration []byte

// Calibration is what confidence and threshold are for each encoder.
type Calibration struct {
	Target   float64           `json:"target"` // highest share of unanswerable questions that may be answered
	Level    float64           `json:"level"`  // with which the bound holds on the validation split, one-sided
	Encoders map[string]Fitted `json:"encoders"`
}

// Fitted is a confidence and where to cut it.
type Fitted struct {
	Weights   []float64 `json:"weights"` // of the features, the intercept first
	Threshold float64   `json:"threshold"`
	// Validation is the split that the threshold was chosen on. Test chose nothing, but was seen at
	// each of about six recalibrations while rules and features were changed, so it is optimistic.
	Validation Outcome `json:"validation"`
	Test       Outcome `json:"test"`
}

// Outcome counts what a threshold does on one split.
type Outcome struct {
	Unanswerable int  `json:"unanswerable"`
	False        Rate `json:"false_answers"` // of the unanswerable
	Answerable   int  `json:"answerable"`
	Answered     Rate `json:"answered"` // of the answerable
	Right        Rate `json:"right"`    // of those answered: the citation holds the labelled span
}

// Rate is a share with its exact (Clopper-Pearson) two-sided 95 % interval.
type Rate struct {
	Count int     `json:"count"`
	Of    int     `json:"of"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// RateOf is the rate of k in n.
func RateOf(k, n int) Rate {
	return Rate{Count: k, Of: n, Low: round(Lower(k, n, 0.975)), High: round(Upper(k, n, 0.975))}
}

func (r Rate) String() string {
	if r.Of == 0 {
		return "none"
	}
	return fmt.Sprintf("%d of %d, %.1f %% [%.1f, %.1f]", r.Count, r.Of, 100*float64(r.Count)/float64(r.Of), 100*r.Low, 100*r.High)
}

// Example is a labelled question.
type Example struct {
	Product catalogue.Product
	Text    string
	Span    string // of the record that answers it; empty where nothing does
	Split   string // "train" fits, "validation" chooses the threshold, "test" reports
}

// Examples are the questions of products with their answers, and others. One about an unknown
// product is a fault.
func Examples(products []catalogue.Product, more []catalogue.Labelled) ([]Example, error) {
	var out []Example
	at := map[string]catalogue.Product{}
	for _, p := range products {
		at[p.SKU] = p
		for _, q := range p.Questions {
			out = append(out, Example{Product: p, Text: q.Text, Span: q.Answer, Split: p.Split})
		}
	}
	for _, u := range more {
		p, ok := at[u.SKU]
		if !ok {
			return nil, fmt.Errorf("read labelled questions: there is no product %q", u.SKU)
		}
		out = append(out, Example{Product: p, Text: u.Text, Span: u.Answer, Split: u.Split})
	}
	return out, nil
}

// Calibrated is the calibration that comes with the program, made of the demo catalogue.
func Calibrated() (Calibration, error) {
	var c Calibration
	if err := json.Unmarshal(calibration, &c); err != nil {
		return c, fmt.Errorf("read calibration: %w", err)
	}
	return c, nil
}

// Fit finds confidence and threshold of an encoder from labelled questions. The weights are
// those of a logistic regression on the train split, of whether the best passage answers the question. The threshold is
// the lowest, going down from the highest, at which the share of the validation split's unanswerable questions that are
// answered stays at most target with confidence level (exact one-sided bound; the first
// threshold that fails ends the search, so the bound holds for the chosen one).
func Fit(ctx context.Context, o Options, examples []Example, target, level float64) (Fitted, error) {
	if target <= 0 || target >= 1 || level <= 0 || level >= 1 {
		return Fitted{}, errors.New("fit answers: want target and level between 0 and 1")
	}
	a := &Answerer{o: o, fitted: Fitted{Weights: make([]float64, len(features{}.vector()))}}
	if a.o.Index == nil {
		a.o.Index = NewMemory(0)
	}
	seen := map[string][]observed{}
	for _, e := range examples {
		r, err := a.read(ctx, e.Product, e.Text)
		if err != nil {
			return Fitted{}, fmt.Errorf("fit answers: question %q: %w", e.Text, err)
		}
		never := !r.stated && r.text == "" || len(r.citations) > 0 && (r.citations[0].Field == fieldPrice || r.citations[0].Field == fieldStock) && !r.stated
		seen[e.Split] = append(seen[e.Split], observed{features: r.features, stated: r.stated, never: never, answerable: e.Span != "", right: e.Span != "" && holds(r.citations, e.Span)})
	}
	f := Fitted{Weights: logistic(seen[catalogue.SplitTrain])}
	f.Threshold = f.threshold(seen[catalogue.SplitValidation], target, level)
	f.Validation, f.Test = f.outcome(seen[catalogue.SplitValidation]), f.outcome(seen[catalogue.SplitTest])
	return f, nil
}

// observed is what the record said to one labelled question.
type observed struct {
	features                         features
	stated, never, answerable, right bool
}

// holds says whether the passages that are cited hold a span of a record's field, which may be several
// entries of a list.
func holds(citations []Citation, span string) bool {
	var texts []string
	for _, c := range citations {
		if strings.Contains(c.Text, span) || len(c.Text) > 3 && strings.Contains(span, c.Text) {
			return true
		}
		texts = append(texts, c.Text)
	}
	return strings.Contains(strings.Join(texts, "; "), span) || strings.Contains(strings.Join(texts, ", "), span)
}

// Near says whether another fit is the same up to the rounding of different processors.
func (f Fitted) Near(g Fitted) bool {
	const most = 2e-3
	if len(f.Weights) != len(g.Weights) || math.Abs(f.Threshold-g.Threshold) > most || f.Validation != g.Validation || f.Test != g.Test {
		return false
	}
	for i := range f.Weights {
		if math.Abs(f.Weights[i]-g.Weights[i]) > most {
			return false
		}
	}
	return true
}

func (f Fitted) confidence(x features) float64 {
	z := 0.0
	for i, v := range x.vector() {
		if i < len(f.Weights) {
			z += f.Weights[i] * v
		}
	}
	return round(1 / (1 + math.Exp(-z)))
}

func (f Fitted) answers(o observed) bool {
	return o.stated || !o.never && f.confidence(o.features) >= f.Threshold
}

func (f Fitted) outcome(seen []observed) Outcome {
	var out Outcome
	wrong, answered, right := 0, 0, 0
	for _, o := range seen {
		hit := f.answers(o)
		switch {
		case o.answerable:
			out.Answerable++
			if hit {
				answered++
			}
			if hit && o.right {
				right++
			}
		default:
			out.Unanswerable++
			if hit {
				wrong++
			}
		}
	}
	out.False, out.Answered, out.Right = RateOf(wrong, out.Unanswerable), RateOf(answered, out.Answerable), RateOf(right, answered)
	return out
}

func (f Fitted) threshold(seen []observed, target, level float64) float64 {
	var cuts []float64
	for _, o := range seen {
		if !o.stated && !o.never {
			cuts = append(cuts, f.confidence(o.features))
		}
	}
	slices.SortFunc(cuts, func(a, b float64) int { return cmp.Compare(b, a) })
	best := 1.0 // higher than any confidence that is not stated
	for _, cut := range slices.Compact(cuts) {
		g := Fitted{Weights: f.Weights, Threshold: cut}
		x := g.outcome(seen)
		if Upper(x.False.Count, x.Unanswerable, level) > target {
			break
		}
		best = cut
	}
	return best
}

// ridge keeps weights of separable data finite.
const ridge = 1.0

// logistic fits by Newton's method.
func logistic(seen []observed) []float64 {
	k := len(features{}.vector())
	w := make([]float64, k)
	for range 50 {
		gradient := make([]float64, k)
		hessian := make([][]float64, k)
		for i := range hessian {
			hessian[i] = make([]float64, k)
			hessian[i][i] = ridge
			gradient[i] = -ridge * w[i]
		}
		for _, o := range seen {
			if o.stated || o.never {
				continue
			}
			x := o.features.vector()
			p := 1 / (1 + math.Exp(-inner(w, x)))
			y := 0.0
			if o.right {
				y = 1
			}
			for i := range x {
				gradient[i] += (y - p) * x[i]
				for j := range x {
					hessian[i][j] += p * (1 - p) * x[i] * x[j]
				}
			}
		}
		step := solve(hessian, gradient)
		largest := 0.0
		for i := range w {
			w[i] += step[i]
			largest = max(largest, math.Abs(step[i]))
		}
		if largest < 1e-9 {
			break
		}
	}
	for i := range w {
		w[i] = round(w[i])
	}
	return w
}

func inner(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// solve solves a positive definite system by elimination; a and b are overwritten.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for i := range n {
		for r := i + 1; r < n; r++ {
			f := a[r][i] / a[i][i]
			for c := i; c < n; c++ {
				a[r][c] -= f * a[i][c]
			}
			b[r] -= f * b[i]
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = b[i]
		for c := i + 1; c < n; c++ {
			x[i] -= a[i][c] * x[c]
		}
		x[i] /= a[i][i]
	}
	return x
}

func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// Upper is the exact (Clopper-Pearson) one-sided upper bound of a share, k of n: the largest under which k or
// fewer have a probability of at least 1 - level. It is 1 for n = 0.
func Upper(k, n int, level float64) float64 {
	if k >= n {
		return 1
	}
	return bisect(func(p float64) bool { return atMost(k, n, p) >= 1-level })
}

// Lower is the one-sided lower bound.
func Lower(k, n int, level float64) float64 {
	if k <= 0 {
		return 0
	}
	return bisect(func(p float64) bool { return 1-atMost(k-1, n, p) <= 1-level })
}

// bisect finds where a property of a share, which holds for small ones, ends.
func bisect(holds func(float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if mid := (low + high) / 2; holds(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// atMost is the probability of k or fewer of n under a share p.
func atMost(k, n int, p float64) float64 {
	if p <= 0 {
		return 1
	}
	if p >= 1 {
		return 0
	}
	sum := 0.0
	lgn, _ := math.Lgamma(float64(n + 1))
	for i := 0; i <= k; i++ {
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(lgn - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(sum, 1)
}
