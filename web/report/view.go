package report

import (
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// view is what the templates read.
type view struct {
	Eyebrow, Sentence, Note string
	Reasons, Warnings       []string
	Further                 []string // reasons beyond the first few, numbered from FurtherFrom
	FurtherFrom             int
	Gate                    *gateView
	Standing                []pair // who is within the margins of the reference, who is worse
	Table                   table
	LeftOut                 []string
	Explained               []explanation
	Operation               table
	TradeOff                template.HTML // a plot; empty where there is none
	TradeOffLines           []string
	Plots                   []template.HTML
	Details                 []table // behind summaries
	Slices                  slicesView
	Reported                []reportedView
	Rows                    []row
	RowsNote                string
	TextNav                 template.HTML
	Method                  []pair
	Foot, Command           string
	Style                   template.CSS
	StyleHash               string
	Pictures                bool // the file holds pictures
}

type pair struct {
	Name, Value string
	Mono        bool
}

func newView(in Input) view {
	c := in.Comparison
	v := view{
		Eyebrow:   Eyebrow(c),
		Sentence:  Sentence(c),
		Note:      in.Note,
		Reasons:   typeset(c.Decision.Reasons),
		Standing:  standing(c),
		Gate:      newGate(in.Gate),
		Warnings:  typeset(c.Warnings),
		Table:     newTable(c),
		LeftOut:   leftOut(c),
		Explained: explain(c, in.Catalogue),
		Operation: operationTable(c),
		Slices:    newSlices(in),
		Reported:  newReported(c),
		Rows:      newRows(in),
		RowsNote:  rowsNote(in),
		TextNav:   in.TextNav,
		Method:    method(c),
		Foot:      foot(in),
		Command:   in.Command,
	}
	if n := shownReasons; len(v.Reasons) > n+1 {
		v.Reasons, v.Further, v.FurtherFrom = v.Reasons[:n], v.Reasons[n:], n+1
	}
	if f, ok := bestFront(c); ok {
		v.TradeOff = plot.Figure(tradeOff(c, f), "plot-trade-off")
		v.TradeOffLines = tradeOffLines(f)
	} else {
		v.TradeOffLines = noTradeOff(c)
	}
	for _, f := range figures(c) {
		if f.table != "" {
			v.Plots = append(v.Plots, plot.FigureOf(f.plot, f.id, f.table))
			continue
		}
		v.Plots = append(v.Plots, plot.Figure(f.plot, f.id))
	}
	return v
}

// shownReasons is how many steps of the rule are shown at once.
const shownReasons = 6

// standing says how the candidates stand to the one that the rule holds them against.
func standing(c compare.Comparison) []pair {
	d := c.Decision
	var out []pair
	add := func(name string, names []string) {
		if len(names) > 0 {
			out = append(out, pair{Name: name, Value: show.List(names)})
		}
	}
	if d.Reference != "" {
		out = append(out, pair{Name: "Held against", Value: d.Reference})
	}
	add("Shown to lose less than the margins", slices.DeleteFunc(slices.Clone(d.Tied), func(s string) bool { return s == d.Reference }))
	add("Worse on some metric", d.Worse)
	add("Not decided", d.Open)
	if d.MoreItems > 0 {
		out = append(out, pair{Name: "What would decide", Value: "about " + show.Count(d.MoreItems) + " more items"})
	}
	return out
}

// Sentence is the decision as a title.
func Sentence(c compare.Comparison) string {
	if c.Decision.Sentence != "" {
		return typeset([]string{c.Decision.Sentence})[0]
	}
	return "The data do not decide"
}

// typeset gives negative numbers in sentences a real minus sign, as tables have.
func typeset(sentences []string) []string {
	minus := regexp.MustCompile(`(^|[ (])-(\d)`)
	out := make([]string, len(sentences))
	for i, s := range sentences {
		out[i] = minus.ReplaceAllString(s, "$1−$2")
	}
	return out
}

// Eyebrow says what was compared, over what.
func Eyebrow(c compare.Comparison) string {
	var names []string
	for _, k := range c.Candidates {
		names = append(names, k.Name)
	}
	s := show.List(names) + " on " + c.Dataset
	if c.Split != "" {
		s += ", " + c.Split + " split"
	}
	s += ", " + show.Of(c.Items, "item")
	if c.Families > 0 && c.Families != c.Items {
		s += fmt.Sprintf(" in %s families", show.Count(c.Families))
	}
	return s
}

func foot(in Input) string {
	parts := []string{"StyleSprint"}
	if in.Version != "" {
		parts[0] += " " + in.Version
	}
	if !in.Generated.IsZero() {
		parts = append(parts, "written "+in.Generated.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	return strings.Join(parts, ", ")
}

func method(c compare.Comparison) []pair {
	m := c.Method
	out := []pair{
		{"Dataset", c.Dataset, false}, {"Items' SHA-256", c.DatasetHash, true},
		{"Intervals", fmt.Sprintf("%s, paired bootstrap over %s, %s resamples, seed %d", percent(m.Level), plural(m.Unit), show.Count(m.Bootstrap), m.Seed) + prefixed("; ", m.Interval), false},
		{"p values", fmt.Sprintf("paired approximate randomisation, %s trials, two-sided, Holm's correction over the candidates; below %s counts", show.Count(m.Randomization), plot.Number(m.Alpha, 2)) + prefixed("; in slices ", m.Slices), false},
	}
	for _, k := range c.Metrics {
		s := k.Signature
		if k.Direction != compare.DirectionNone && k.Margin > 0 {
			s += "; margin " + scaleOf(k).Number(k.Margin)
		}
		out = append(out, pair{k.Title, s, true})
	}
	for _, k := range c.Candidates {
		out = append(out, pair{k.Name, recipe(k.Run), false})
	}
	return out
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func plural(unit string) string {
	switch unit {
	case "family":
		return "families"
	case "":
		return "items"
	}
	return unit + "s"
}

// recipe says what a run was made with.
func recipe(r evaluate.Run) string {
	parts := []string{"run " + r.ID, r.Candidate.Model.String()}
	if r.Candidate.Precision != "" {
		parts = append(parts, string(r.Candidate.Precision))
	}
	p := "prompt " + r.Candidate.Prompt
	if r.Candidate.PromptHash != "" {
		p += " " + show.Hash(r.Candidate.PromptHash)
	}
	parts = append(parts, p)
	parts = append(parts, Params(r)...)
	if r.Machine != "" {
		parts = append(parts, r.Machine)
	}
	if !r.Finished.IsZero() {
		parts = append(parts, r.Finished.UTC().Format(time.DateOnly))
	}
	return strings.Join(parts, ", ")
}

// Params lists the sampling parameters that a run was made with.
func Params(r evaluate.Run) []string {
	var parts []string
	number := func(name string, v *float64) {
		if v != nil {
			parts = append(parts, name+" "+strconv.FormatFloat(*v, 'g', -1, 64))
		}
	}
	p := r.Candidate.Params
	number("temperature", p.Temperature)
	number("top-p", p.TopP)
	if p.TopK != nil {
		parts = append(parts, fmt.Sprintf("top-k %d", *p.TopK))
	}
	number("min-p", p.MinP)
	number("repetition penalty", p.RepetitionPenalty)
	if p.Seed != nil {
		parts = append(parts, fmt.Sprintf("seed %d", *p.Seed))
	}
	if p.MaxTokens != nil {
		parts = append(parts, fmt.Sprintf("at most %d tokens", *p.MaxTokens))
	}
	return parts
}

// fields lists a map in the order of its names.
func fields(m map[string]string) []pair {
	var out []pair
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if strings.TrimSpace(m[k]) != "" {
			out = append(out, pair{Name: k, Value: m[k]})
		}
	}
	return out
}
