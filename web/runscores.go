package web

import (
	"html/template"
	"maps"
	"math"
	"slices"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
	"stylesprint/web/mark"
	"stylesprint/web/plot"
	"stylesprint/web/report"
	"stylesprint/web/show"
)

// scoreGroup is a group of a run's metrics.
type scoreGroup struct {
	Name  string
	Lines []scoreLine
}

type scoreLine struct {
	show.Figure
	Name, Note, Signature string
}

// asides are the group of what is about the measuring, not about the texts.
const asides = "About the measuring"

// groupScores puts a run's scores into the groups of metrics.
func groupScores(all []stylesprint.Score) []scoreGroup {
	var out []scoreGroup
	add := func(name string, belongs func(stylesprint.Score) bool) {
		g := scoreGroup{Name: name}
		for _, x := range all {
			if belongs(x) {
				g.Lines = append(g.Lines, newScoreLine(x))
			}
		}
		if len(g.Lines) > 0 {
			out = append(out, g)
		}
	}
	for _, group := range show.Groups() {
		add(group.Title, func(x stylesprint.Score) bool {
			return show.GroupOf(x.Metric) == group && !evaluate.IsAside(x.Metric)
		})
	}
	add(asides, func(x stylesprint.Score) bool { return evaluate.IsAside(x.Metric) })
	return out
}

func newScoreLine(x stylesprint.Score) scoreLine {
	l := scoreLine{Figure: show.ScaleOf(x.Metric, x.Unit).Score(x), Name: show.Metric(x.Metric), Signature: x.Signature}
	info, _ := metric.Describe(x.Metric)
	switch info.Direction {
	case metric.Higher:
		l.Note = "higher is better"
	case metric.Lower:
		l.Note = "lower is better"
	}
	if x.Metric == "clip-delta" {
		l.Note = "CLIP score of what people wrote less that of the text: 0 is as close to the picture, below 0 is closer"
	}
	return l
}

// bound says what a rate means for a catalogue.
type bound struct{ Name, Sentence string }

// rateBounds are the bounds of the rates of a run.
func rateBounds(all []stylesprint.Score, catalogue int) []bound {
	if catalogue <= 0 {
		catalogue = report.DefaultCatalogue
	}
	var out []bound
	for _, x := range all {
		k := x.Value * float64(x.N)
		if !show.IsRate(x.Metric) || x.Missing != "" || x.N == 0 || math.Abs(k-math.Round(k)) > 1e-6 {
			continue
		}
		out = append(out, bound{show.Metric(x.Metric), resample.RateSentence(int(math.Round(k)), x.N, .95, catalogue)})
	}
	return out
}

// scoreFigure draws the scores with their intervals: a panel for those of a group
// that share a unit.
func scoreFigure(r evaluate.Run) template.HTML {
	p := plot.Intervals{}
	level := 0.0
	for _, group := range show.Groups() {
		panels := map[string]int{}
		for _, x := range r.Scores {
			if x.Missing != "" || x.Level == 0 || show.GroupOf(x.Metric) != group || evaluate.IsAside(x.Metric) {
				continue
			}
			level = x.Level
			scale := show.ScaleOf(x.Metric, x.Unit)
			at, ok := panels[scale.Unit]
			if !ok {
				at = len(p.Panels)
				panels[scale.Unit] = at
				p.Panels = append(p.Panels, plot.Panel{Title: group.Title, Unit: scale.Unit})
			}
			panel := &p.Panels[at]
			panel.Decimals = max(panel.Decimals, scale.Decimals(x.Value*scale.By))
			panel.Rows = append(panel.Rows, plot.Interval{Label: show.Metric(x.Metric), Value: scale.By * x.Value, Low: scale.By * x.Low, High: scale.By * x.High, N: x.N})
		}
	}
	if len(p.Panels) == 0 {
		return ""
	}
	p.Title = "The scores, each with its " + plot.Number(100*level, 0) + " % interval"
	return plot.FigureOf(p, "plot-scores", "scores-c")
}

// textScores are the scores of one text, the first of each group; the marks in the
// text tell its rates, and the table above the means of all.
func textScores(scores map[string]float64) []string {
	var out []string
	names := slices.Sorted(maps.Keys(scores))
	for _, group := range show.Groups() {
		for _, name := range names {
			if evaluate.IsAside(name) || show.IsRate(name) || show.GroupOf(name) != group {
				continue
			}
			out = append(out, show.Metric(name)+" "+plot.Number(scores[name], plot.Decimals(scores[name])))
			break
		}
	}
	return out
}

// markOutput marks what a text says of its item's record.
func (s *site) markOutput(o *outputLine) {
	if s.o.Faithfulness == nil || !o.Known || o.Fault != "" {
		return
	}
	record, _ := s.o.Faithfulness.Record(evaluate.SampleOf(&o.Item, &o.Output).Fields)
	if record == nil {
		return
	}
	found := s.o.Faithfulness.Check(record, o.Text)
	o.Marked, o.Count, o.Omitted = mark.HTML(mark.Join(o.Text, found, nil)), mark.Count(found), mark.Omissions(found)
}
