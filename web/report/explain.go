package report

import (
	"fmt"
	"math"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
	"stylesprint/web/show"
)

// DefaultCatalogue is the number of products that sentences about rates speak of.
const DefaultCatalogue = 50_000

// explanation is what the figures of a metric mean, in sentences.
type explanation struct {
	Name  string
	Lines []pair // a candidate and its sentence
	Note  string
	rate  bool
}

// explain puts into sentences what figures alone do not tell: how often something that
// was not seen may still happen, and what a distance to the reference is.
func explain(c compare.Comparison, catalogue int) []explanation {
	if catalogue <= 0 {
		catalogue = DefaultCatalogue
	}
	var out []explanation
	for _, g := range grouped(c) {
		for _, i := range g.Metrics {
			m := c.Metrics[i]
			info, _ := metric.Describe(m.Name)
			switch {
			case info.Rate:
				if n := len(out); n > 0 && out[n-1].rate {
					out[n-1].Note = "" // said once, after the last
				}
				out = append(out, rateBounds(c, i, catalogue))
			case m.Name == "clip-delta":
				out = append(out, deltas(c, i))
			}
		}
	}
	return out
}

// rateBounds says what a rate means for a catalogue.
func rateBounds(c compare.Comparison, i, catalogue int) explanation {
	e := explanation{Name: c.Metrics[i].Title, rate: true}
	for _, k := range c.Candidates {
		s := at(k.Scores, i)
		count := s.Value * float64(s.N)
		switch {
		case s.Missing != "":
			e.Lines = append(e.Lines, pair{Name: k.Name, Value: s.Missing})
		case math.Abs(count-math.Round(count)) > 1e-6:
			e.Lines = append(e.Lines, pair{Name: k.Name, Value: "a mean over several outputs of each item; the interval above bounds it"})
		default:
			e.Lines = append(e.Lines, pair{Name: k.Name, Value: resample.RateSentence(int(math.Round(count)), s.N, c.Method.Level, catalogue)})
		}
	}
	if c.Families > 0 && c.Families < c.Items {
		e.Note = fmt.Sprintf("These bounds take every item for itself; the intervals in the table draw %s families and are the safer ones.", show.Count(c.Families))
	}
	return e
}

// deltas says how far texts are from what people wrote, in the eyes of CLIP.
func deltas(c compare.Comparison, i int) explanation {
	m := c.Metrics[i]
	e := explanation{Name: m.Title, Note: "The delta is the CLIP score of the text that people wrote less that of the candidate's text, both against the same picture: 0 is as close to the picture as people came, below 0 is closer."}
	for _, k := range c.Candidates {
		e.Lines = append(e.Lines, pair{Name: k.Name, Value: deltaWords(m, measured(at(k.Scores, i)))})
	}
	return e
}

func deltaWords(m compare.Metric, s stylesprint.Score) string {
	if s.Missing != "" {
		return s.Missing
	}
	scale := scaleOf(m)
	side := "below"
	if s.Value < 0 {
		side = "above"
	}
	words := fmt.Sprintf("%s %s what people wrote", scale.Number(math.Abs(s.Value)), side)
	switch {
	case s.Level == 0 || s.Low == s.High:
		return words
	case s.Low <= 0 && s.High >= 0:
		return fmt.Sprintf("%s; the interval, %s to %s, holds 0, so that neither is shown to be closer", words, scale.Signed(s.Low), scale.Signed(s.High))
	}
	return fmt.Sprintf("%s (%s to %s)", words, scale.Signed(s.Low), scale.Signed(s.High))
}
