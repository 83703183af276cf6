package show

import (
	"fmt"
	"math"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/metric"
	"stylesprint/web/plot"
)

// Group is a family of metrics that stand together on a page.
type Group struct {
	ID    string // for addresses and ids of elements: "text"
	Title string // for people: "Wording"
}

// Groups lists the groups in the order of pages. The last takes what no other does.
func Groups() []Group {
	return []Group{
		{"text", "Wording, against the references"}, {"meaning", "Meaning"}, {"picture", "Fit to the picture"},
		{"faithfulness", "Faithfulness to the record"}, {"sameness", "Sameness across the catalogue"},
		{"length", "Length and readability"}, {"other", "Other metrics"},
	}
}

// GroupOf is the group that a metric belongs to, by its name.
func GroupOf(name string) Group {
	id := "other"
	for _, g := range []struct{ id, prefixes string }{
		{"text", "bleu chrf ter rouge"}, {"meaning", "similarity bertscore"}, {"picture", "clip"},
		{"faithfulness", "faithfulness contradictions unsupported-claims hard-violations"},
		{"sameness", "distinct self-bleu boilerplate"}, {"length", "length flesch sentence-length"},
	} {
		for _, prefix := range strings.Fields(g.prefixes) {
			if rest, ok := strings.CutPrefix(name, prefix); ok && (rest == "" || !letter(rest[0])) {
				id = g.id
			}
		}
	}
	for _, g := range Groups() {
		if g.ID == id {
			return g
		}
	}
	return Group{}
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' }

// Metric is a metric's name as a heading: "BLEU" for "bleu".
func Metric(name string) string {
	if info, ok := metric.Describe(name); ok {
		return info.Title
	}
	return Sentence(strings.ReplaceAll(name, "-", " "))
}

// IsRate says that a metric is a share of texts, which pages print in per cent.
func IsRate(name string) bool {
	info, ok := metric.Describe(name)
	return ok && info.Rate
}

// Scale is how the figures of one metric are printed.
type Scale struct {
	By   float64 // what values are multiplied by
	Unit string  // as people read it
	unit string
}

// ScaleOf is the scale of a metric: rates in per cent, the rest in their own unit.
func ScaleOf(name, unit string) Scale {
	if IsRate(name) {
		return Scale{By: 100, Unit: "% of texts", unit: "%"}
	}
	return Scale{By: 1, Unit: Unit(unit), unit: unit}
}

// Decimals of a value that is scaled already.
func (s Scale) Decimals(v float64) int { return Decimals(s.unit, v) }

// Number prints a value of the metric.
func (s Scale) Number(v float64) string { return plot.Number(v*s.By, s.Decimals(v*s.By)) + s.sign() }

// Signed prints a difference of the metric.
func (s Scale) Signed(v float64) string { return plot.Signed(v*s.By, s.Decimals(v*s.By)) + s.sign() }

func (s Scale) sign() string {
	if s.unit == "%" {
		return " %"
	}
	return ""
}

// Score is s as a figure; a rate comes with its count: "14 of 40".
func (s Scale) Score(x stylesprint.Score) Figure {
	if x.Missing != "" || s.unit != "%" {
		return Score(x)
	}
	f := Figure{Value: s.Number(x.Value), Unit: "of texts"}
	if x.Level > 0 && x.Low != x.High {
		f.Interval = plot.Number(x.Low*s.By, 1) + " to " + s.Number(x.High)
	}
	if x.N > 0 {
		f.N = Count(x.N)
		if k := x.Value * float64(x.N); math.Abs(k-math.Round(k)) < 1e-6 {
			f.N = fmt.Sprintf("%s of %s", Count(int(math.Round(k))), Count(x.N))
		}
	}
	return f
}
