package export

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/gate"
)

// Markdown writes a comparison for a pull request, in GitHub's dialect: the
// decision first, then what a gate made of it (nil: there was none), the figures
// with their intervals, and the rest folded away.
func Markdown(w io.Writer, c compare.Comparison, g *gate.Result) error {
	m := markdown{}
	m.line("### %s", prose(c.Decision.Sentence))
	m.line("On %s, %s; differences are against %s.", prose(c.Dataset), items(c), prose(c.Baseline))
	if g != nil {
		m.gate(*g)
	}
	m.scores(c)
	m.differences(c)
	m.operation(c)
	for _, r := range c.Reported {
		m.reported(r)
	}
	m.fold("How it was decided", c.Decision.Reasons)
	m.fold("To bear in mind", slices.Concat(leftOut(c), c.Warnings, sliceWarnings(c)))
	m.method(c)
	if _, err := w.Write(m.b.Bytes()); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

// markdown collects blocks with a blank line between them.
type markdown struct{ b bytes.Buffer }

func (m *markdown) line(format string, args ...any) {
	if m.b.Len() > 0 {
		m.b.WriteByte('\n')
	}
	fmt.Fprintf(&m.b, format+"\n", args...)
}

// span is a range of columns, from the first to before the last.
type span struct{ from, to int }

// table writes rows of cells that are escaped already; the columns of right hold
// figures.
func (m *markdown) table(header []string, right span, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	m.b.WriteByte('\n')
	m.row(header)
	marks := make([]string, len(header))
	for i := range marks {
		marks[i] = "---"
		if i >= right.from && i < right.to {
			marks[i] = "---:"
		}
	}
	m.row(marks)
	for _, r := range rows {
		m.row(r)
	}
}

func (m *markdown) row(cells []string) {
	m.b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func (m *markdown) gate(g gate.Result) {
	verdict := "Gate met"
	if !g.Met {
		verdict = "Gate not met"
	}
	m.line("**%s.** %s", verdict, prose(g.Sentence))
	var rows, met [][]string
	for _, c := range g.Candidates {
		for _, k := range c.Checks {
			reason := prose(k.Reason)
			if k.Why != "" {
				reason += " (" + prose(k.Why) + ")"
			}
			row := []string{prose(c.Name), prose(k.Rule), string(k.Outcome), reason}
			if k.Outcome.Met() {
				met = append(met, row)
			} else {
				rows = append(rows, row)
			}
		}
	}
	header := []string{"Candidate", "Rule", "Outcome", "Found"}
	m.table(header, span{}, rows)
	m.folded(fmt.Sprintf("%s that stop nobody", counted(len(met), "check")), func() { m.table(header, span{}, met) }, len(met) > 0)
}

func (m *markdown) scores(c compare.Comparison) {
	header := []string{"Metric"}
	for _, k := range c.Candidates {
		header = append(header, prose(k.Name))
	}
	var rows [][]string
	for i, info := range c.Metrics {
		row := []string{prose(info.Title) + " " + direction(info)}
		for _, k := range c.Candidates {
			cell := "not measured"
			if i < len(k.Scores) {
				cell = scoreCell(k.Scores[i], info.Amount)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	m.table(header, span{1, len(header)}, rows)
}

func direction(info compare.Metric) string {
	unit := info.Unit
	switch info.Direction {
	case compare.DirectionHigher:
		return fmt.Sprintf("(%s, higher is better)", prose(unit))
	case compare.DirectionLower:
		return fmt.Sprintf("(%s, lower is better)", prose(unit))
	}
	return fmt.Sprintf("(%s, not judged)", prose(unit))
}

// scoreCell is a value with its interval.
func scoreCell(s stylesprint.Score, amount func(float64) string) string {
	if s.Missing != "" {
		return prose(s.Missing)
	}
	out := amount(s.Value)
	if s.Level > 0 {
		out += fmt.Sprintf(" (%s to %s)", amount(s.Low), amount(s.High))
	}
	return out
}

func (m *markdown) differences(c compare.Comparison) {
	var rows [][]string
	for _, k := range c.Candidates {
		for i, d := range k.Differences {
			if i >= len(c.Metrics) {
				break
			}
			info := c.Metrics[i]
			verdict := prose(string(d.Verdict))
			if d.Verdict == compare.VerdictBetter || d.Verdict == compare.VerdictWorse {
				verdict = "**" + verdict + "**"
			}
			rows = append(rows, []string{prose(k.Name), prose(info.Title), signed(info, d.Delta), signed(info, d.Low) + " to " + signed(info, d.High), strconv.FormatFloat(d.PAdjusted, 'f', 4, 64), verdict})
		}
	}
	m.table([]string{"Candidate", "Metric", "Difference", level(c) + " interval", "p", "Verdict"}, span{2, 5}, rows)
}

func level(c compare.Comparison) string {
	return strconv.FormatFloat(100*c.Method.Level, 'f', -1, 64) + " %"
}

// signed is a difference with its sign.
func signed(info compare.Metric, v float64) string {
	s := info.Amount(v)
	if v > 0 && strings.Trim(s, "0.") != "" {
		return "+" + s
	}
	return s
}

func (m *markdown) operation(c compare.Comparison) {
	if len(c.Candidates) == 0 {
		return
	}
	header := []string{"Cost and speed"}
	for _, k := range c.Candidates {
		header = append(header, prose(k.Name))
	}
	var rows [][]string
	for i, f := range c.Candidates[0].Operation.Figures() {
		unit := f.Score.Unit
		row := []string{prose(f.Title) + " (" + prose(unit) + ")"}
		for _, k := range c.Candidates {
			s := k.Operation.Figures()[i].Score
			cell := scoreCell(s, short)
			if s.Unit != unit && s.Missing == "" { // currencies may differ
				cell += " " + prose(s.Unit)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	m.folded("Cost and speed", func() { m.table(header, span{1, len(header)}, rows) }, true)
}

// short prints four significant digits without an exponent.
func short(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	f, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// leftOut says which metrics could not be compared, by candidate.
func leftOut(c compare.Comparison) []string {
	var out []string
	for _, l := range c.LeftOut {
		for _, k := range c.Candidates {
			if why := l.Why[k.Name]; why != "" {
				out = append(out, fmt.Sprintf("%s is left out: %s, %s.", l.Metric, k.Name, why))
			}
		}
	}
	return out
}

// sliceWarnings are those of all slicings.
func sliceWarnings(c compare.Comparison) []string {
	var out []string
	for _, s := range c.Slices {
		out = append(out, s.Warnings...)
	}
	return out
}

// reported shows figures from elsewhere, apart and named as such.
func (m *markdown) reported(r compare.Reported) {
	title := "Reported elsewhere, not measured here"
	if r.Title != "" {
		title += ": " + r.Title
	}
	header := []string{"Reported by " + prose(cmp.Or(r.Source, "the source"))}
	for _, k := range r.Candidates {
		header = append(header, prose(k.Name))
	}
	var rows [][]string
	for _, metric := range r.Metrics {
		row := []string{prose(metric.Name)}
		for _, k := range r.Candidates {
			cell := ""
			for _, f := range k.Figures {
				if f.Metric == metric.Name {
					cell = prose(f.Text)
				}
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	m.folded(title, func() {
		m.table(header, span{}, rows)
		m.line("%s", prose(r.Statement))
	}, true)
}

func (m *markdown) method(c compare.Comparison) {
	lines := []string{fmt.Sprintf("Intervals at %s from a paired bootstrap over %s, %d resamples; p from paired approximate randomisation, %d trials, two-sided, Holm's correction over candidates; seed %d.",
		level(c), plural(c.Method.Unit), c.Method.Bootstrap, c.Method.Randomization, c.Method.Seed),
		"Items' SHA-256: " + c.DatasetHash}
	for _, info := range c.Metrics {
		lines = append(lines, info.Title+": "+info.Signature)
	}
	for _, k := range c.Candidates {
		lines = append(lines, fmt.Sprintf("%s: run %s, %s", k.Name, k.Run.ID, k.Run.Candidate.Model.String()))
	}
	m.fold("Where the figures come from", lines)
}

// fold hides a list of sentences behind a summary.
func (m *markdown) fold(title string, lines []string) {
	m.folded(title, func() {
		m.b.WriteByte('\n')
		for _, l := range lines {
			m.b.WriteString("- " + prose(l) + "\n")
		}
	}, len(lines) > 0)
}

// folded writes what body writes behind a summary; GitHub wants blank lines
// around Markdown within HTML.
func (m *markdown) folded(title string, body func(), any bool) {
	if !any {
		return
	}
	m.line("<details><summary>%s</summary>", hypertext(title))
	body()
	m.b.WriteString("\n</details>\n")
}

// items says how many items there are, in how many families where these differ.
func items(c compare.Comparison) string {
	if c.Families == c.Items {
		return counted(c.Items, "item")
	}
	return counted(c.Items, "item") + " in " + counted(c.Families, "family")
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + plural(noun)
}

func plural(noun string) string {
	if noun == "family" {
		return "families"
	}
	return noun + "s"
}

// prose escapes a text for a line or a cell: Markdown's own marks, HTML, and what
// GitHub makes links and mentions of.
func prose(s string) string {
	var b strings.Builder
	for _, r := range printable(s) {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '@':
			b.WriteString("@&#8203;") // a space of no width: no mention
		case '#':
			b.WriteString("#&#8203;") // no reference to an issue, no heading
		case '|':
			b.WriteString(`\|`)
		case '\\', '`', '*', '_', '[', ']', '~', '$', '!':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.NewReplacer("://", ":&#47;&#47;", "www.", "www&#46;").Replace(b.String()) // no automatic link
}

// hypertext escapes a text within HTML, where Markdown's marks mean nothing.
func hypertext(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@&#8203;", "#", "#&#8203;").Replace(printable(s))
}
