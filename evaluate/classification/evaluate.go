package classification

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"stylesprint/evaluate/agreement"
	"stylesprint/evaluate/resample"
)

// Options say how Data are evaluated. The zero value is good.
type Options struct {
	// Average of precision, recall, F and the areas. Defaults to Binary for two
	// classes and Macro for more.
	Average Average
	// Beta of F-beta, more than 0. Defaults to 1.
	Beta         float64
	ZeroDivision ZeroDivision // defaults to ZeroWarn
	// Bootstrap is the number of resamples behind the intervals; 0 is 1,000, less
	// than 0 none.
	Bootstrap int
	Seed      uint64 // defaults to resample.DefaultSeed
	// Bins of the calibration curve. Defaults to 10, Uniform.
	Bins    int
	Binning Binning
	// Progress, if not nil, is told how many resamples are done, from several
	// goroutines at once.
	Progress func(done, total int)
	// CurvePoints is the most points that a curve is given with. Defaults to 200.
	CurvePoints int
}

// level of every interval.
const level = 0.95

func (o *Options) complete(d Data) error {
	if o.Average == "" {
		o.Average = Macro
		if !d.Multilabel && len(d.Classes) <= 2 {
			o.Average = Binary
		}
	}
	switch {
	case o.Average == Samples && !d.Multilabel:
		return refuse("the average over samples needs several labels an item", "choose micro, macro or weighted, or say --multilabel")
	case o.Average == Binary && (d.Multilabel || len(d.Classes) > 2):
		return refuse(fmt.Sprintf("the average binary needs two classes, and there are %d: %s", len(d.Classes), listed(d.Classes)), "choose micro, macro or weighted")
	case o.Average == Binary && d.Positive < 0:
		return d.needPositive("precision, recall and F of two classes are those of the positive one")
	case math.IsNaN(o.Beta) || o.Beta < 0:
		return refuse(fmt.Sprintf("beta is %v", o.Beta), "give a number above 0: 2 weighs recall twice as much as precision, 0.5 half as much")
	}
	if o.Beta == 0 {
		o.Beta = 1
	}
	if o.ZeroDivision == "" {
		o.ZeroDivision = ZeroWarn
	}
	if o.Bootstrap == 0 {
		o.Bootstrap = 1000
	}
	if o.Seed == 0 {
		o.Seed = resample.DefaultSeed
	}
	if o.Bins == 0 {
		o.Bins = 10
	}
	if o.Binning == "" {
		o.Binning = Uniform
	}
	if o.CurvePoints < 2 {
		o.CurvePoints = 200
	}
	return nil
}

// evaluator holds what the figures are computed from, sorted once.
type evaluator struct {
	Data
	o              Options
	kinds          []kind
	rest           *OneVsRest // nil without scores
	calibration    *Calibration
	briers, losses []float64          // of every item, where scores are probabilities
	samples        []Tally            // of multilabel data
	sampleAreas    map[Area][]float64 // of every sample, with scores
	scratch        sync.Pool
}

// Evaluate computes every figure with its interval. It stops when the context ends.
func Evaluate(ctx context.Context, d Data, o Options) (Report, error) {
	if err := o.complete(d); err != nil {
		return Report{}, err
	}
	e := &evaluator{Data: d, o: o, kinds: kindsOf(d, o)}
	e.scratch.New = func() any { m := NewMatrix(len(d.Classes)); return &m }
	if err := e.rank(); err != nil {
		return Report{}, err
	}
	values := e.figures(nil)
	r := e.report(values)
	if err := e.intervals(ctx, &r); err != nil {
		return Report{}, err
	}
	r.Warnings = e.warnings(r)
	return r, nil
}

// rank sorts the scores.
func (e *evaluator) rank() error {
	if e.Multilabel {
		e.samples = SampleTallies(e.TrueSets, e.PredictedSets)
	}
	if !e.HasScores {
		return nil
	}
	var err error
	if e.rest, err = NewOneVsRest(e.truth(), e.Scores); err != nil {
		return err
	}
	if e.Multilabel {
		return e.rankSamples()
	}
	if e.NotProbability != "" {
		return nil
	}
	hit, p := make([]bool, e.N()), make([]float64, e.N())
	for i, actual := range e.True {
		row := e.Scores.Row(i)
		at := e.Positive
		if len(e.Classes) > 2 || at < 0 { // the most probable class, the first of several
			at = slices.Index(row, slices.Max(row))
		}
		hit[i], p[i] = actual == at, min(max(row[at], 0), 1)
		e.briers, e.losses = append(e.briers, brier(row, actual)), append(e.losses, logLoss(row[actual]))
	}
	c, err := NewCalibration(hit, p, e.o.Bins, e.o.Binning)
	e.calibration = &c
	return err
}

// kind is one headline figure.
type kind struct {
	name, title string
	lower       bool // lower is better
	scores      bool // needs scores
	probability bool // needs probabilities
}

// Names of headline figures, as they stand in JSON.
const (
	figureAccuracy    = "accuracy"
	figureBalanced    = "balanced_accuracy"
	figurePrecision   = "precision"
	figureRecall      = "recall"
	figureF1          = "f1"
	figureFBeta       = "f_beta"
	figureMatthews    = "mcc"
	figureKappa       = "cohen_kappa"
	figureHamming     = "hamming_loss"
	figureROCAUC      = "roc_auc"
	figureAP          = "average_precision"
	figurePRAUC       = "pr_auc"
	figureBrier       = "brier"
	figureLogLoss     = "log_loss"
	figureCalibration = "expected_calibration_error"
)

func kindsOf(d Data, o Options) []kind {
	out := []kind{{name: figureAccuracy, title: "Accuracy"}}
	if d.Multilabel {
		out[0].title = "Accuracy, whole sets"
		out = append(out, kind{name: figureHamming, title: "Hamming loss", lower: true})
	} else {
		out = append(out, kind{name: figureBalanced, title: "Balanced accuracy"})
	}
	out = append(out, kind{name: figurePrecision, title: "Precision"}, kind{name: figureRecall, title: "Recall"}, kind{name: figureF1, title: "F1"})
	if o.Beta != 1 {
		out = append(out, kind{name: figureFBeta, title: "F" + betaText(o.Beta)})
	}
	if !d.Multilabel {
		out = append(out, kind{name: figureMatthews, title: "Matthews correlation"}, kind{name: figureKappa, title: "Cohen's kappa"})
	}
	out = append(out, kind{name: figureROCAUC, title: "ROC-AUC", scores: true}, kind{name: figureAP, title: "Average precision", scores: true})
	if o.Average == Binary {
		out = append(out, kind{name: figurePRAUC, title: "PR-AUC, trapezoid", scores: true})
	}
	if !d.Multilabel {
		out = append(out, kind{name: figureBrier, title: "Brier score", lower: true, scores: true, probability: true},
			kind{name: figureLogLoss, title: "Log loss", lower: true, scores: true, probability: true},
			kind{name: figureCalibration, title: "Expected calibration error", lower: true, scores: true, probability: true})
	}
	return out
}

// figures computes the headlines, in the order of kinds; NaN where one is not
// defined. Each item counts as often as counts says (nil: once).
func (e *evaluator) figures(counts []int32) []float64 {
	var m *Matrix
	var tallies []Tally
	if e.Multilabel {
		tallies = e.setTallies(counts)
	} else {
		m = e.matrix(counts)
		defer e.scratch.Put(m)
		tallies = m.Tallies()
		if e.o.Average == Binary {
			tallies = tallies[e.Positive : e.Positive+1]
		}
	}
	out, a := make([]float64, len(e.kinds)), e.areas(counts)
	for i, k := range e.kinds {
		switch {
		case k.scores && !e.HasScores, k.probability && e.NotProbability != "":
			out[i] = math.NaN()
		case k.scores:
			out[i] = e.scoreFigure(k.name, a, counts)
		default:
			out[i] = e.classFigure(k.name, m, tallies, counts)
		}
	}
	return out
}

// matrix counts into one that is used again.
func (e *evaluator) matrix(counts []int32) *Matrix {
	m := e.scratch.Get().(*Matrix)
	clear(m.counts)
	for i, a := range e.True {
		m.counts[a*m.k+e.Predicted[i]] += times(counts, i)
	}
	return m
}

// setTallies are those of classes, or of the drawn samples.
func (e *evaluator) setTallies(counts []int32) []Tally {
	if e.o.Average != Samples {
		return ClassTallies(len(e.Classes), e.TrueSets, e.PredictedSets, counts)
	}
	if counts == nil {
		return e.samples
	}
	var out []Tally
	for i, t := range e.samples {
		for range counts[i] {
			out = append(out, t)
		}
	}
	return out
}

func (e *evaluator) classFigure(name string, m *Matrix, tallies []Tally, counts []int32) float64 {
	switch name {
	case figurePrecision:
		return Combine(tallies, e.o.Average, 1, e.o.ZeroDivision).Precision
	case figureRecall:
		return Combine(tallies, e.o.Average, 1, e.o.ZeroDivision).Recall
	case figureF1:
		return Combine(tallies, e.o.Average, 1, e.o.ZeroDivision).F
	case figureFBeta:
		return Combine(tallies, e.o.Average, e.o.Beta, e.o.ZeroDivision).F
	case figureBalanced:
		return m.BalancedAccuracy()
	case figureMatthews:
		return m.Matthews()
	case figureKappa:
		return m.Kappa(agreement.Unweighted)
	}
	if e.Multilabel {
		exact, hamming := setFigures(len(e.Classes), e.TrueSets, e.PredictedSets, counts)
		if name == figureHamming {
			return hamming
		}
		return exact
	}
	return m.Accuracy()
}

// scoreFigure; a is found by the caller once for all figures.
func (e *evaluator) scoreFigure(name string, a areas, counts []int32) float64 {
	switch name {
	case figureROCAUC:
		return a.roc
	case figureAP:
		return a.average
	case figurePRAUC:
		return a.pr
	case figureBrier:
		return mean(e.N(), counts, func(i int) float64 { return e.briers[i] })
	case figureLogLoss:
		return mean(e.N(), counts, func(i int) float64 { return e.losses[i] })
	}
	return e.calibration.Error(counts)
}

// areas are the headline's; NaN, where scikit-learn has a convention, for classes
// without items.
func (e *evaluator) areas(counts []int32) areas {
	var a areas
	switch {
	case !e.HasScores:
		return a
	case e.o.Average == Samples:
		return areas{roc: e.samplesArea(ROCArea, counts), average: e.samplesArea(PrecisionArea, counts)}
	case e.o.Average == Binary:
		a = e.rest.Class[e.Positive].areas(counts)
	default:
		a = e.rest.areas(e.o.Average, counts)
		if e.o.Average == Weighted {
			return a
		}
	}
	if a.positives == 0 {
		a.roc, a.average = math.NaN(), math.NaN()
	}
	return a
}

func (e *evaluator) samplesArea(a Area, counts []int32) float64 {
	return mean(e.N(), counts, func(i int) float64 { return e.sampleAreas[a][i] })
}

// rankSamples ranks the classes within each sample once.
func (e *evaluator) rankSamples() error {
	e.sampleAreas = map[Area][]float64{ROCArea: make([]float64, e.N()), PrecisionArea: make([]float64, e.N())}
	positive := make([]bool, len(e.Classes))
	truth := e.truth()
	for i := range e.N() {
		for c := range positive {
			positive[c] = truth(i, c)
		}
		r, err := NewRanking(positive, e.Scores.Row(i))
		if err != nil {
			return err
		}
		a := r.areas(nil)
		e.sampleAreas[ROCArea][i], e.sampleAreas[PrecisionArea][i] = a.roc, a.average
		if a.positives == 0 {
			e.sampleAreas[PrecisionArea][i] = math.NaN()
		}
	}
	return nil
}

// averages names the averages that a report lists for its data.
func (e *evaluator) averages() []Average {
	if e.Multilabel {
		return []Average{Micro, Macro, Weighted, Samples}
	}
	return []Average{Micro, Macro, Weighted}
}

// intervals draws items again.
func (e *evaluator) intervals(ctx context.Context, r *Report) error {
	if e.o.Bootstrap < 0 || e.N() < 2 {
		return nil
	}
	drawn := make([][]float64, e.o.Bootstrap)
	var done atomic.Int64
	err := resample.Each(ctx, e.N(), resample.Options{Samples: e.o.Bootstrap, Seed: e.o.Seed}, func(sample int, counts []int32) {
		drawn[sample] = e.figures(counts)
		if e.o.Progress != nil {
			e.o.Progress(int(done.Add(1)), e.o.Bootstrap)
		}
	})
	if err != nil {
		return fmt.Errorf("draw items again: %w", err)
	}
	for i := range r.Headlines {
		h := &r.Headlines[i]
		if h.Missing != "" {
			continue
		}
		var values []float64
		for _, d := range drawn {
			if !math.IsNaN(d[i]) {
				values = append(values, d[i])
			}
		}
		h.Resamples = len(values)
		if len(values) < e.o.Bootstrap/2 {
			continue // too few draws have both classes
		}
		low, high := resample.Interval(values, level)
		h.Low, h.High, h.Level = Figure(low), Figure(high), level
	}
	return nil
}

// signature holds every setting that changes a number.
func (e *evaluator) signature() string {
	parts := []string{"task:" + e.task(), fmt.Sprintf("classes:%d", len(e.Classes))}
	if e.Positive >= 0 {
		parts = append(parts, "pos:"+e.Classes[e.Positive])
	}
	parts = append(parts, "avg:"+string(e.o.Average), "beta:"+betaText(e.o.Beta), "zero:"+string(e.o.ZeroDivision))
	if e.calibration != nil {
		parts = append(parts, fmt.Sprintf("bins:%d-%s", e.o.Bins, e.o.Binning))
	}
	if e.o.Bootstrap > 0 {
		parts = append(parts, fmt.Sprintf("bs:%d", e.o.Bootstrap), fmt.Sprintf("seed:%d", e.o.Seed))
	}
	return strings.Join(append(parts, "like:scikit-learn-1.9.1"), "|")
}

func (e *evaluator) task() string {
	switch {
	case e.Multilabel:
		return "multilabel"
	case len(e.Classes) <= 2:
		return "binary"
	}
	return "multiclass"
}
