package classification

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Figure is a number of a report. NaN, a figure that is not defined, and infinity
// are null in JSON.
type Figure float64

// MarshalJSON implements json.Marshaler.
func (f Figure) MarshalJSON() ([]byte, error) {
	if !f.Defined() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// Defined says that the figure is a finite number.
func (f Figure) Defined() bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// Headline is a figure with its interval.
type Headline struct {
	Name  string `json:"-"` // key in JSON: "roc_auc"
	Title string `json:"-"` // for people: "ROC-AUC"
	Value Figure `json:"value"`
	Low   Figure `json:"low"` // equals Value where there is no interval
	High  Figure `json:"high"`
	// Level of the interval: 0.95; 0 where there is none.
	Level float64 `json:"level"`
	N     int     `json:"n"` // items
	// Resamples are those in which the figure is defined.
	Resamples     int    `json:"resamples"`
	LowerIsBetter bool   `json:"lower_is_better,omitempty"`
	Missing       string `json:"missing,omitempty"` // why there is no value
}

// ClassRow holds one class's figures; those of scores are NaN without them.
type ClassRow struct {
	Class            string `json:"class"`
	Support          int    `json:"support"`   // items of the class
	Predicted        int    `json:"predicted"` // predictions of it
	TruePositives    int    `json:"tp"`
	FalsePositives   int    `json:"fp"`
	FalseNegatives   int    `json:"fn"`
	TrueNegatives    int    `json:"tn"`
	Precision        Figure `json:"precision"`
	Recall           Figure `json:"recall"`
	F1               Figure `json:"f1"`
	FBeta            Figure `json:"f_beta"`
	ROCAUC           Figure `json:"roc_auc"` // against all other classes
	AveragePrecision Figure `json:"average_precision"`
	PRAUC            Figure `json:"pr_auc"`
}

// Means holds precision, recall and F under one average.
type Means struct {
	Precision Figure `json:"precision"`
	Recall    Figure `json:"recall"`
	F1        Figure `json:"f1"`
	FBeta     Figure `json:"f_beta"`
}

// Confusion is the confusion matrix of single-label data.
type Confusion struct {
	Classes []string `json:"classes"`
	Counts  [][]int  `json:"counts"` // row: true class; column: predicted class
}

// Curves are the ROC and precision-recall curves of one class against the others.
type Curves struct {
	Class string
	ROC   Curve
	PR    Curve
}

// Curve is a curve with few enough points to be drawn.
type Curve struct {
	Points []Point
	Total  int // points of the exact curve
	// Deviation is the farthest that the exact curve is from this one, in units of an axis.
	Deviation float64
}

// Report is everything that a table or a page shows about predictions. It is a
// plain value.
type Report struct {
	Task         string // "binary", "multiclass" or "multilabel"
	N            int
	Classes      []string
	Positive     string // of two classes; may be empty
	Average      Average
	Beta         float64
	ZeroDivision ZeroDivision
	Headlines    []Headline
	Averages     map[Average]Means
	// Areas holds ROC-AUC by the ways to average it: "ovr_macro"; empty for two classes.
	Areas     map[string]Figure
	Rows      []ClassRow
	Confusion *Confusion // nil for multilabel data
	Curves    []Curves   // the positive class's, or every class's; empty without scores
	// Calibration bins the probabilities of CalibrationOf.
	Calibration   []Bin
	CalibrationOf string // "the positive class" or "the most probable class"
	Warnings      []string
	Signature     string
}

// Headline finds a figure by its name.
func (r Report) Headline(name string) (Headline, bool) {
	i := slices.IndexFunc(r.Headlines, func(h Headline) bool { return h.Name == name })
	if i < 0 {
		return Headline{}, false
	}
	return r.Headlines[i], true
}

// object writes JSON members in order.
type object struct {
	b   bytes.Buffer
	err error
}

func (o *object) add(key string, v any) {
	text, err := marshal(v)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("write %s: %w", key, err)
	}
	if o.b.Len() > 0 {
		o.b.WriteByte(',')
	}
	name, _ := json.Marshal(key)
	o.b.Write(name)
	o.b.WriteByte(':')
	o.b.Write(text)
}

// marshal leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// MarshalJSON writes the headline figures as members of their own, in order, and
// their intervals and the rest after them: see docs/formats/classification.md.
func (r Report) MarshalJSON() ([]byte, error) {
	var o object
	for _, h := range r.Headlines {
		o.add(h.Name, h.Value)
	}
	o.add("n", r.N)
	o.add("task", r.Task)
	o.add("classes", r.Classes)
	if r.Positive != "" {
		o.add("positive", r.Positive)
	}
	o.add("average", r.Average)
	o.add("beta", Figure(r.Beta))
	o.add("zero_division", r.ZeroDivision)
	intervals := map[string]Headline{}
	for _, h := range r.Headlines {
		intervals[h.Name] = h
	}
	o.add("intervals", intervals)
	o.add("averages", r.Averages)
	if len(r.Areas) > 0 {
		o.add("roc_auc_averages", r.Areas)
	}
	o.add("per_class", r.Rows)
	if r.Confusion != nil {
		o.add("confusion", r.Confusion)
	}
	if len(r.Curves) > 0 {
		o.add("curves", r.Curves)
	}
	if len(r.Calibration) > 0 {
		o.add("calibration", map[string]any{"of": r.CalibrationOf, "bins": r.Calibration})
	}
	if len(r.Warnings) > 0 {
		o.add("warnings", r.Warnings)
	}
	o.add("signature", r.Signature)
	return []byte("{" + o.b.String() + "}"), o.err
}

// MarshalJSON names the axes of both curves.
func (c Curves) MarshalJSON() ([]byte, error) {
	curve := func(c Curve, x, y string) map[string]any {
		points := make([]map[string]Figure, len(c.Points))
		for i, p := range c.Points {
			points[i] = map[string]Figure{x: Figure(p.X), y: Figure(p.Y), "threshold": Figure(p.Threshold)}
		}
		return map[string]any{"points": points, "points_total": c.Total, "deviation": Figure(c.Deviation)}
	}
	return marshal(map[string]any{"class": c.Class, "roc": curve(c.ROC, "fpr", "tpr"), "precision_recall": curve(c.PR, "recall", "precision")})
}

// report fills everything but intervals and warnings.
func (e *evaluator) report(values []float64) Report {
	r := Report{Task: e.task(), N: e.N(), Classes: e.Classes, Average: e.o.Average, Beta: e.o.Beta, ZeroDivision: e.o.ZeroDivision, Averages: map[Average]Means{}, Signature: e.signature()}
	if e.Positive >= 0 {
		r.Positive = e.Classes[e.Positive]
	}
	for i, k := range e.kinds {
		v := Figure(values[i])
		h := Headline{Name: k.name, Title: k.title, Value: v, Low: v, High: v, N: r.N, LowerIsBetter: k.lower}
		if !v.Defined() {
			h.Missing = e.missing(k)
		}
		r.Headlines = append(r.Headlines, h)
	}
	tallies := e.classTallies()
	for _, how := range e.averages() {
		of := tallies
		if how == Samples {
			of = e.samples
		}
		one, beta := Combine(of, how, 1, e.o.ZeroDivision), Combine(of, how, e.o.Beta, e.o.ZeroDivision)
		r.Averages[how] = Means{Figure(one.Precision), Figure(one.Recall), Figure(one.F), Figure(beta.F)}
	}
	for c, t := range tallies {
		r.Rows = append(r.Rows, e.row(c, t))
	}
	if !e.Multilabel {
		r.Confusion = e.confusion()
	}
	if e.HasScores {
		e.addScores(&r)
	}
	return r
}

func (e *evaluator) classTallies() []Tally {
	if e.Multilabel {
		return ClassTallies(len(e.Classes), e.TrueSets, e.PredictedSets, nil)
	}
	m := e.matrix(nil)
	defer e.scratch.Put(m)
	return m.Tallies()
}

func (e *evaluator) row(c int, t Tally) ClassRow {
	one, beta := t.Score(1, e.o.ZeroDivision), t.Score(e.o.Beta, e.o.ZeroDivision)
	nan := Figure(math.NaN())
	r := ClassRow{Class: e.Classes[c], Support: int(t.Actual), Predicted: int(t.Predicted), TruePositives: int(t.Hits), FalsePositives: int(t.Predicted - t.Hits), FalseNegatives: int(t.Actual - t.Hits),
		Precision: Figure(one.Precision), Recall: Figure(one.Recall), F1: Figure(one.F), FBeta: Figure(beta.F), ROCAUC: nan, AveragePrecision: nan, PRAUC: nan}
	r.TrueNegatives = e.N() - r.TruePositives - r.FalsePositives - r.FalseNegatives
	if e.HasScores {
		a := e.rest.Class[c].areas(nil)
		r.ROCAUC, r.PRAUC = Figure(a.roc), Figure(a.pr)
		if a.positives > 0 {
			r.AveragePrecision = Figure(a.average)
		}
	}
	return r
}

func (e *evaluator) confusion() *Confusion {
	m := e.matrix(nil)
	defer e.scratch.Put(m)
	out := &Confusion{Classes: e.Classes}
	for _, row := range m.Rows() {
		ints := make([]int, len(row))
		for j, v := range row {
			ints[j] = int(v)
		}
		out.Counts = append(out.Counts, ints)
	}
	return out
}

// maxCurves is the most classes whose curves are given.
const maxCurves = 20

// addScores fills what comes from scores.
func (e *evaluator) addScores(r *Report) {
	switch {
	case e.Multilabel:
		r.Areas = map[string]Figure{}
		for _, how := range []Average{Macro, Weighted, Micro} {
			r.Areas[string(how)] = Figure(e.rest.ROCAUC(how, nil))
		}
		r.Areas[string(Samples)] = Figure(e.samplesArea(ROCArea, nil))
	case len(e.Classes) > 2:
		one := NewOneVsOne(e.True, e.Scores)
		r.Areas = map[string]Figure{"ovo_macro": Figure(one.ROCAUC(Macro, nil)), "ovo_weighted": Figure(one.ROCAUC(Weighted, nil))}
		for _, how := range []Average{Macro, Weighted, Micro} {
			r.Areas["ovr_"+string(how)] = Figure(e.rest.ROCAUC(how, nil))
		}
	}
	for c, ranking := range e.rest.Class {
		negatives, positives := ranking.totals()
		if negatives == 0 || positives == 0 || len(r.Curves) == maxCurves || e.o.Average == Binary && c != e.Positive {
			continue
		}
		r.Curves = append(r.Curves, Curves{Class: e.Classes[c], ROC: simplify(ranking.ROC(), e.o.CurvePoints), PR: simplify(ranking.PR(), e.o.CurvePoints)})
	}
	if e.calibration != nil {
		r.Calibration = e.calibration.Curve()
		r.CalibrationOf = "the positive class"
		if len(e.Classes) > 2 || e.Positive < 0 {
			r.CalibrationOf = "the most probable class"
		}
	}
}
