package web

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/review"
	"stylesprint/web/diff"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

type resultBody struct {
	review.Result
	Note      string
	WinRates  template.HTML
	Strengths template.HTML
	Criteria  []review.Criterion
	Shown     []exampleLine
	Figures   []standingLine
}

// standingLine is a candidate's figures in words.
type standingLine struct {
	review.Standing
	Wins, Log, Controlled show.Figure
	Marks                 []show.Figure
}

// exampleLine is a pair with its words set against each other.
type exampleLine struct {
	review.Example
	First, Second []diff.Span
}

// Share is a proportion as a figure in per cent.
func share(s stylesprint.Score) show.Figure {
	s.Value, s.Low, s.High, s.Unit = 100*s.Value, 100*s.Low, 100*s.High, "%"
	return show.Score(s)
}

// Figure is a score as the tables of the page print it.
func (resultBody) Figure(s stylesprint.Score) show.Figure { return two(s) }

// two is a score with two decimals and no unit: its column names it.
func two(s stylesprint.Score) show.Figure {
	f := show.Score(s)
	if s.Missing != "" {
		return f
	}
	f.Value, f.Unit = plot.Number(s.Value, 2), ""
	if s.Level > 0 {
		f.Interval = plot.Number(s.Low, 2) + " to " + plot.Number(s.High, 2)
	}
	return f
}

// tenthLonger is the difference in length, as reviews measure it, of a text that
// is a tenth longer than the other.
const tenthLonger = .1 / 2.1

// LengthEffect is what length alone does to the log-odds, for a text a tenth longer.
func (b resultBody) LengthEffect() show.Figure {
	s := b.Length
	s.Value, s.Low, s.High = tenthLonger*s.Value, tenthLonger*s.Low, tenthLonger*s.High
	return two(s)
}

// Percent is a proportion as the tables of the page print it.
func (resultBody) Percent(s stylesprint.Score) show.Figure { return share(s) }

// Metric is a metric's heading.
func (resultBody) Metric(name string) string { return show.Metric(name) }

// Length is a mean length in characters.
func (l standingLine) MeanLength() string { return plot.Number(l.Standing.Length, 0) }

func (s *site) reviewResult(w http.ResponseWriter, r *http.Request, p review.Progress) error {
	key := fmt.Sprintf("%s/%d/%d", p.Task.ID, p.Task.Closed.UnixNano(), p.Verdicts)
	result, err := s.reviewed.get(key, func() (review.Result, error) { return s.o.Review.Desk.Result(r.Context(), p.Task.ID) })
	if err != nil {
		return err
	}
	b := resultBody{Result: result, Note: s.o.Note(p.Task.Dataset), Criteria: review.Criteria()}
	b.WinRates, b.Strengths = winRateFigure(result), strengthFigure(result)
	for _, c := range result.Candidates {
		l := standingLine{Standing: c, Wins: share(c.WinRate), Log: two(c.Strength.Log), Controlled: two(c.Controlled.Log)}
		for _, m := range c.Criteria {
			l.Marks = append(l.Marks, two(m))
		}
		b.Figures = append(b.Figures, l)
	}
	for _, e := range result.Examples {
		d := diff.Words(e.Pair.First, e.Pair.Second)
		b.Shown = append(b.Shown, exampleLine{e, d.A, d.B})
	}
	return s.render(w, "review-result", page{Here: "review", Title: strings.ReplaceAll(result.Sentence, " %", "\u00a0%"), Document: p.Task.Name, Eyebrow: "Review " + p.Task.ID + ", " + p.Task.Name + ", closed", Body: b})
}

func winRateFigure(r review.Result) template.HTML {
	panel := plot.Panel{Title: "Share of pairs won, a tie counting a half", Unit: "%", Decimals: 1}
	var words []string
	for i, c := range r.Candidates {
		s := c.WinRate
		if s.Missing == "" {
			won := " "
			if len(words) == 0 {
				won = " won "
			}
			words = append(words, c.Name+won+plot.Number(100*s.Value, 0)+"\u00a0%")
		}
		panel.Rows = append(panel.Rows, plot.Interval{Label: c.Name, Value: 100 * s.Value, Low: 100 * s.Low, High: 100 * s.High, N: s.N, Series: i, Missing: s.Missing})
	}
	title := "No pair was judged"
	if len(words) > 0 {
		title = show.Sentence(show.List(words)) + " of its pairs"
	}
	return plot.Figure(plot.Intervals{Title: title, Panels: []plot.Panel{panel}}, "plot-wins")
}

func strengthFigure(r review.Result) template.HTML {
	plain := plot.Panel{Title: "Bradley-Terry strength", Unit: "log-odds", Zero: true, Decimals: 2, Left: "weaker than average", Right: "stronger"}
	controlled := plot.Panel{Title: "The same at equal length", Unit: "log-odds", Zero: true, Decimals: 2, Left: "weaker than average", Right: "stronger"}
	measured := false
	for i, c := range r.Candidates {
		measured = measured || c.Strength.Log.Missing == ""
		plain.Rows = append(plain.Rows, interval(c.Name, i, c.Strength.Log))
		controlled.Rows = append(controlled.Rows, interval(c.Name, i, c.Controlled.Log))
	}
	if !measured {
		return ""
	}
	p := plot.Intervals{Title: "How strong each candidate is among those compared, and how strong it would be if all texts were equally long", Panels: []plot.Panel{plain}}
	if r.Length.Missing == "" {
		p.Panels = append(p.Panels, controlled)
	}
	return plot.Figure(p, "plot-strength")
}

func interval(label string, series int, s stylesprint.Score) plot.Interval {
	return plot.Interval{Label: label, Value: s.Value, Low: s.Low, High: s.High, N: s.N, Series: series, Missing: s.Missing}
}
