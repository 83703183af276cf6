package report

import (
	"fmt"
	"math"

	"stylesprint/evaluate/classification"
	"stylesprint/web/plot"
)

// drawnCurves is the most classes whose curves are drawn in one figure.
const drawnCurves = 6

// classFigures are the plots of a classification report.
func classFigures(r classification.Report) []figure {
	var out []figure
	if len(r.Curves) > 0 {
		out = append(out, figure{"plot-roc", rocPlot(r), ""}, figure{"plot-pr", prPlot(r), ""})
	}
	if len(r.Calibration) > 0 {
		out = append(out, figure{"plot-calibration", calibrationPlot(r), ""})
	}
	if r.Confusion != nil && len(r.Confusion.Classes) <= drawnClasses {
		out = append(out, figure{"plot-confusion", matrixPlot(r), ""})
	}
	return out
}

func rowOf(r classification.Report, class string) classification.ClassRow {
	for _, c := range r.Rows {
		if c.Class == class {
			return c
		}
	}
	return classification.ClassRow{}
}

func places(c classification.Curve) []plot.Place {
	out := make([]plot.Place, len(c.Points))
	for i, p := range c.Points {
		out[i] = plot.Place{X: p.X, Y: p.Y}
	}
	return out
}

func drawn(r classification.Report) []classification.Curves {
	return r.Curves[:min(len(r.Curves), drawnCurves)]
}

func rocPlot(r classification.Report) plot.Plot {
	p := plot.Curves{XName: "false positive rate", YName: "true positive rate", Decimals: 3, Diagonal: "chance"}
	p.Title = extremes(r, "is told apart best", func(c classification.ClassRow) classification.Figure { return c.ROCAUC }, "area under the ROC curve")
	for i, c := range drawn(r) {
		p.Lines = append(p.Lines, plot.Line{Label: c.Class, Note: noted(r, "area ", rowOf(r, c.Class).ROCAUC), Points: places(c.ROC), Series: i})
	}
	return p
}

func prPlot(r classification.Report) plot.Plot {
	p := plot.Curves{XName: "recall", YName: "precision", Decimals: 3}
	p.Title = extremes(r, "is found with the fewest false alarms", func(c classification.ClassRow) classification.Figure { return c.AveragePrecision }, "average precision")
	for i, c := range drawn(r) {
		row := rowOf(r, c.Class)
		line := plot.Line{Label: c.Class, Note: noted(r, "average precision ", row.AveragePrecision), Points: places(c.PR), Series: i}
		if len(r.Curves) == 1 && r.N > 0 {
			line.Level, line.LevelName = float64(row.Support)/float64(r.N), "chance: its share of the items"
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

// noted is a figure beside a curve's name; where there are several curves, the
// title says which figure it is.
func noted(r classification.Report, name string, f classification.Figure) string {
	if len(r.Curves) > 1 {
		return share(f)
	}
	return name + share(f)
}

// extremes names the class with the highest and the lowest figure.
func extremes(r classification.Report, best string, get func(classification.ClassRow) classification.Figure, name string) string {
	first := r.Curves[0].Class
	hi, lo := rowOf(r, first), rowOf(r, first)
	for _, c := range r.Curves[1:] {
		row := rowOf(r, c.Class)
		if get(row) > get(hi) {
			hi = row
		}
		if get(row) < get(lo) {
			lo = row
		}
	}
	if share(get(hi)) == share(get(lo)) && len(r.Curves) > 1 {
		return fmt.Sprintf("All classes have the same %s, %s", name, share(get(hi)))
	}
	if hi.Class == lo.Class {
		return fmt.Sprintf("%s: the %s is %s", first, name, share(get(hi)))
	}
	return fmt.Sprintf("%s %s, with %s of %s; lowest is %s with %s", hi.Class, best, name, share(get(hi)), lo.Class, share(get(lo)))
}

func calibrationPlot(r classification.Report) plot.Plot {
	p := plot.Curves{XName: "mean probability of " + r.CalibrationOf, YName: "share that came true", Decimals: 3, Diagonal: "as predicted"}
	line := plot.Line{Label: r.CalibrationOf, Marked: true}
	if r.Positive != "" && r.CalibrationOf == "the positive class" {
		line.Label = r.Positive
	}
	var lean, n float64
	for _, b := range r.Calibration {
		line.Points = append(line.Points, plot.Place{X: b.Predicted, Y: b.Observed, N: int(b.N)})
		lean += b.N * (b.Predicted - b.Observed)
		n += b.N
	}
	h := headline(r, "expected_calibration_error")
	line.Note = "expected error " + share(h.Value)
	p.Lines = []plot.Line{line}
	p.Title = calibrationFinding(lean/n, float64(h.Value))
	return p
}

// calibrationFinding says which way probabilities lean; small is what rounds to 0.00.
func calibrationFinding(lean, missed float64) string {
	const small = .005
	tail := "; they miss what came true by " + plot.Number(missed, 2)
	switch {
	case lean > small:
		return "Probabilities are too high by " + plot.Number(lean, 2) + " on average" + tail
	case lean < -small:
		return "Probabilities are too low by " + plot.Number(math.Abs(lean), 2) + " on average" + tail
	}
	return "Probabilities are right on average" + tail
}

func matrixPlot(r classification.Report) plot.Plot {
	p := plot.Matrix{RowName: "true class", ColName: "predicted class", Labels: r.Confusion.Classes, Counts: r.Confusion.Counts}
	all := confusions(r)
	if len(all) == 0 {
		p.Title = "No item is taken for another class"
		return p
	}
	most := all[0]
	p.Title = fmt.Sprintf("The most frequent mistake: %s of %s items of %q are taken for %q", plot.Number(float64(most.n), 0), plot.Number(float64(most.of), 0), most.actual, most.predicted)
	return p
}
