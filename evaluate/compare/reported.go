package compare

import (
	"fmt"
	"slices"
	"strings"

	"stylesprint"
)

// Reported is a table of figures that somebody else made, such as an article's. They
// have no signature, so nothing is known of the settings behind them: they are
// shown apart, with their deltas, and take no part in any test, front or decision.
type Reported struct {
	Title  string `json:"title,omitempty" yaml:"title"`
	Source string `json:"source" yaml:"source"` // where the figures stand: an article, a report, a page
	Note   string `json:"note,omitempty" yaml:"note"`
	File   string `json:"file,omitempty" yaml:"-"` // that they were read from
	// Metrics in the order in which the file first names them.
	Metrics    []ReportedMetric    `json:"metrics" yaml:"-"`
	Candidates []ReportedCandidate `json:"candidates" yaml:"candidates"`
	// Differences are those of each further candidate from the first, by metric.
	Differences []ReportedDifference `json:"differences,omitempty" yaml:"-"`
	Statement   string               `json:"statement" yaml:"-"` // the trade-off, and what it rests on
}

// ReportedMetric is one column of reported figures.
type ReportedMetric struct {
	Name string `json:"name"` // as the source calls it; it need not be one of ours
	// Direction says which way is better. Defaults to higher; lower for names
	// that begin with cost, price, latency, time, ter or perplexity.
	Direction Direction `json:"direction"`
}

// ReportedCandidate is what a source reports of one candidate.
type ReportedCandidate struct {
	Name    string           `json:"name" yaml:"name"`
	Figures []ReportedFigure `json:"figures" yaml:"figures"`
}

// ReportedFigure is one reported value.
type ReportedFigure struct {
	Metric string  `json:"metric" yaml:"metric"`
	Value  float64 `json:"value" yaml:"value"`
	// Reference is what the source reports for the reference text on the same
	// metric; nil where it reports none.
	Reference *float64 `json:"reference,omitempty" yaml:"reference"`
	// Delta is Reference minus Value; nil where there is no reference.
	Delta     *float64  `json:"delta,omitempty" yaml:"-"`
	Direction Direction `json:"direction,omitempty" yaml:"direction"`
	Source    string    `json:"source,omitempty" yaml:"source"` // where it is another than the table's
	Note      string    `json:"note,omitempty" yaml:"note"`
	// Text is the figure in words: "CLIP 26.195, reference 29.010, delta 2.815".
	Text string `json:"text" yaml:"-"`

	// digits behind the point, as the source prints them; and where it stands.
	digits int
	place  string
}

// ReportedDifference is candidate minus base on one reported metric.
type ReportedDifference struct {
	Metric    string  `json:"metric"`
	Candidate string  `json:"candidate"`
	Base      string  `json:"base"`
	Delta     float64 `json:"delta"`
	Text      string  `json:"text"` // "+0.4281"
}

// reportedBasis ends every statement.
const reportedBasis = "No signature, interval or number of items is known of these figures: they take no part in any test or in the decision, and are not set against measured ones."

// fault says what is wrong with a table, and where.
func (r *Reported) fault(place, format string, args ...any) error {
	if place != "" {
		place = ", " + place
	}
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: r.File + place + ": " + fmt.Sprintf(format, args...), Hint: "see docs/formats/reported.md"}
}

// complete checks a table and computes what follows from it.
func (r *Reported) complete() error {
	if len(r.Candidates) == 0 {
		return r.fault("", "holds no candidates")
	}
	seen := map[string]bool{}
	for i := range r.Candidates {
		c := &r.Candidates[i]
		place := fmt.Sprintf("candidates[%d]", i)
		switch {
		case strings.TrimSpace(c.Name) == "":
			return r.fault(place, "has no name")
		case seen[c.Name]:
			return r.fault(place, "%q is there twice", c.Name)
		case len(c.Figures) == 0:
			return r.fault(place, "%q has no figures", c.Name)
		}
		seen[c.Name] = true
		for k := range c.Figures {
			if err := r.figure(c, k); err != nil {
				return err
			}
		}
	}
	if r.Source == "" {
		for _, c := range r.Candidates {
			for _, f := range c.Figures {
				if f.Source == "" {
					return r.fault(f.place, "%s of %s has no source, and neither has the table", f.Metric, c.Name)
				}
			}
		}
	}
	r.compare()
	return nil
}

// figure checks the k-th figure of a candidate and notes its metric.
func (r *Reported) figure(c *ReportedCandidate, k int) error {
	f := &c.Figures[k]
	if strings.TrimSpace(f.Metric) == "" {
		return r.fault(f.place, "a figure of %s has no metric", c.Name)
	}
	for _, other := range c.Figures[:k] {
		if other.Metric == f.Metric {
			return r.fault(f.place, "%s of %s is there twice", f.Metric, c.Name)
		}
	}
	switch f.Direction {
	case "", DirectionHigher, DirectionLower, DirectionNone:
	default:
		return r.fault(f.place, "direction %q of %s: want higher, lower or none", f.Direction, f.Metric)
	}
	at := slices.IndexFunc(r.Metrics, func(m ReportedMetric) bool { return m.Name == f.Metric })
	if at < 0 {
		at = len(r.Metrics)
		r.Metrics = append(r.Metrics, ReportedMetric{Name: f.Metric})
	}
	m := &r.Metrics[at]
	if f.Direction != "" {
		if m.Direction != "" && m.Direction != f.Direction {
			return r.fault(f.place, "direction of %s is %s here and %s above", f.Metric, f.Direction, m.Direction)
		}
		m.Direction = f.Direction
	}
	f.Text = fmt.Sprintf("%s %s", f.Metric, fixed(f.Value, f.digits))
	if f.Reference != nil {
		delta := *f.Reference - f.Value
		f.Delta = &delta
		f.Text += fmt.Sprintf(", reference %s, delta %s", fixed(*f.Reference, f.digits), fixed(delta, f.digits))
	}
	return nil
}

// lowerIsBetter are the beginnings of names of figures of which less is better.
func lowerIsBetter(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"cost", "price", "latency", "time", "ter", "perplexity"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// compare sets the candidates beside the first one and words the trade-off.
func (r *Reported) compare() {
	for i := range r.Metrics {
		m := &r.Metrics[i]
		if m.Direction == "" {
			m.Direction = DirectionHigher
			if lowerIsBetter(m.Name) {
				m.Direction = DirectionLower
			}
		}
	}
	base := r.Candidates[0]
	var sentences []string
	for _, c := range r.Candidates[1:] {
		var ahead, behind []string
		for _, m := range r.Metrics {
			mine, ok := reportedOf(c, m.Name)
			other, also := reportedOf(base, m.Name)
			if !ok || !also {
				continue
			}
			digits := max(mine.digits, other.digits)
			d := ReportedDifference{Metric: m.Name, Candidate: c.Name, Base: base.Name, Delta: mine.Value - other.Value}
			d.Text = fixed(d.Delta, digits)
			if d.Delta > 0 {
				d.Text = "+" + d.Text
			}
			r.Differences = append(r.Differences, d)
			gain := gainOf(d.Delta, Metric{Direction: m.Direction})
			words := fmt.Sprintf("%s (%s against %s)", m.Name, fixed(mine.Value, digits), fixed(other.Value, digits))
			switch {
			case m.Direction == DirectionNone || gain == 0:
			case gain > 0:
				ahead = append(ahead, words)
			default:
				behind = append(behind, words)
			}
		}
		sentences = append(sentences, tradeOffWords(base.Name, c.Name, ahead, behind))
	}
	sentences = append(sentences, r.distances()...)
	r.Statement = strings.Join(append(sentences, reportedBasis), " ")
}

func reportedOf(c ReportedCandidate, metric string) (ReportedFigure, bool) {
	for _, f := range c.Figures {
		if f.Metric == metric {
			return f, true
		}
	}
	return ReportedFigure{}, false
}

// tradeOffWords says what a candidate is ahead of another on, and what it is behind on.
func tradeOffWords(base, name string, ahead, behind []string) string {
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		return fmt.Sprintf("As reported there is a trade-off: %s is ahead of %s on %s, and behind on %s.", name, base, list(ahead), list(behind))
	case len(ahead) > 0:
		return fmt.Sprintf("As reported, %s is ahead of %s on %s, and behind on nothing.", name, base, list(ahead))
	case len(behind) > 0:
		return fmt.Sprintf("As reported, %s is behind %s on %s, and ahead on nothing.", name, base, list(behind))
	}
	return fmt.Sprintf("No metric is reported on which %s and %s differ.", base, name)
}

// distances says how far each candidate is from its reference.
func (r *Reported) distances() []string {
	var out []string
	for _, m := range r.Metrics {
		var parts []string
		for _, c := range r.Candidates {
			if f, ok := reportedOf(c, m.Name); ok && f.Delta != nil {
				side := "below"
				if *f.Delta < 0 {
					side = "above"
				}
				parts = append(parts, fmt.Sprintf("%s is %s %s its reference", c.Name, strings.TrimPrefix(fixed(*f.Delta, f.digits), "-"), side))
			}
		}
		if len(parts) > 0 {
			out = append(out, fmt.Sprintf("On %s, %s.", m.Name, list(parts)))
		}
	}
	return out
}
