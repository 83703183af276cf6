package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"stylesprint"
	"stylesprint/evaluate/compare"
)

// comparisonView says which sections are printed beyond the usual ones.
type comparisonView struct {
	slices    bool
	sacrebleu bool
}

// printComparison shows a comparison as tables, an interval beside every figure, and
// the sentence that decides.
func printComparison(w io.Writer, c compare.Comparison, v comparisonView) {
	fmt.Fprintf(w, "%s, %d items in %d families; differences are against %s\n\n", c.Dataset, c.Items, c.Families, c.Baseline)
	printScores(w, c)
	printDifferences(w, c)
	if v.sacrebleu {
		printSacrebleu(w, c)
	}
	printOperation(w, c)
	printFronts(w, c)
	if v.slices {
		printSlices(w, c)
	}
	printReported(w, c)
	for _, warning := range c.Warnings {
		fmt.Fprintln(w, "Note:", warning)
	}
	if !v.slices && len(c.Slices) > 0 {
		fmt.Fprintf(w, "Note: there are figures by %s: --slices shows them.\n", joinedKeys(c.Slices))
	}
	fmt.Fprintf(w, "Decision: %s\n", c.Decision.Sentence)
	for _, reason := range c.Decision.Reasons {
		fmt.Fprintln(w, "  -", reason)
	}
}

func joinedKeys(all []compare.Slicing) string {
	keys := make([]string, len(all))
	for i, s := range all {
		keys[i] = s.Key
	}
	return strings.Join(keys, ", ")
}

func printScores(w io.Writer, c compare.Comparison) {
	var rows [][]string
	for m, info := range c.Metrics {
		title := info.Title
		for _, cand := range c.Candidates {
			s := cand.Scores[m]
			rows = append(rows, []string{title, cand.Name, figureText(s.Value), intervalText(s), strconv.Itoa(s.N), s.Unit})
			title = ""
		}
	}
	table(w, []string{"METRIC", "CANDIDATE", ">SCORE", ">95 % INTERVAL", ">N", "UNIT"}, rows)
	fmt.Fprintln(w)
}

// intervalText is an interval, or a dash where there is none.
func intervalText(s stylesprint.Score) string {
	if s.Level == 0 {
		return "-"
	}
	return figureText(s.Low) + " to " + figureText(s.High)
}

func printDifferences(w io.Writer, c compare.Comparison) {
	var rows [][]string
	add := func(name string, diffs []compare.Difference) {
		for _, d := range diffs {
			more := "-"
			if d.MoreItems > 0 {
				more = "about " + strconv.Itoa(d.MoreItems)
			}
			rows = append(rows, []string{name, d.Metric, signed(d.Delta), signed(d.Low) + " to " + signed(d.High), fmt.Sprintf("%.4f", d.PAdjusted), string(d.Verdict), figureText(d.Detectable), more})
			name = ""
		}
	}
	for _, cand := range c.Candidates {
		add(cand.Name, cand.Differences)
	}
	head := []string{"CANDIDATE", "METRIC", ">DIFFERENCE", ">95 % INTERVAL", ">P", "VERDICT", ">DETECTABLE", ">MORE ITEMS"}
	table(w, head, rows)
	fmt.Fprintln(w)
	rows = nil
	for _, cand := range c.Candidates {
		add(cand.Name, cand.ReferenceDifferences)
	}
	if len(rows) > 0 {
		fmt.Fprintf(w, "Against %s, the highest on %s; p is adjusted for all pairs\n", c.Decision.Reference, c.Primary)
		table(w, head, rows)
		fmt.Fprintln(w)
	}
}

func printSacrebleu(w io.Writer, c compare.Comparison) {
	fmt.Fprintf(w, "As sacrebleu computes them: by item, %d samples and %d trials, ties not counted\n", c.Method.Bootstrap, c.Method.Randomization)
	var rows [][]string
	for _, cand := range c.Candidates {
		name := cand.Name
		for _, s := range cand.Sacrebleu {
			row := []string{name, s.Metric, figureText(s.Score), figureText(s.Mean) + " ± " + figureText(s.Half), "-", "-"}
			if cand.Name != c.Baseline {
				row[4], row[5] = fmt.Sprintf("%.4f", s.PBootstrap), fmt.Sprintf("%.4f", s.PRandomization)
			}
			rows = append(rows, row)
			name = ""
		}
	}
	table(w, []string{"CANDIDATE", "METRIC", ">SCORE", ">MEAN ± 95 % CI", ">P BOOTSTRAP", ">P RANDOMIZATION"}, rows)
	fmt.Fprintln(w)
}

// operationFigure is one line of the table of cost and speed.
type operationFigure struct {
	name            string
	of              func(compare.Operation) stylesprint.Score
	timed, reported bool
}

// operationFigures are printed in this order.
func operationFigures() []operationFigure {
	return []operationFigure{
		{name: "cost of 10,000 texts", of: func(o compare.Operation) stylesprint.Score { return o.Cost }},
		{name: "latency, p50", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.LatencyP50 }},
		{name: "latency, p95", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.LatencyP95 }},
		{name: "latency, p99", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.LatencyP99 }},
		{name: "first token, p50", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.FirstTokenP50 }},
		{name: "first token, p95", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.FirstTokenP95 }},
		{name: "throughput", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.Throughput }},
		{name: "tokens written", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.TokenRate }},
		{name: "reported latency, p50", reported: true, of: func(o compare.Operation) stylesprint.Score { return o.ReportedP50 }},
		{name: "reported latency, p95", reported: true, of: func(o compare.Operation) stylesprint.Score { return o.ReportedP95 }},
	}
}

func printOperation(w io.Writer, c compare.Comparison) {
	var rows [][]string
	why, untimed := allMissing(c, func(o compare.Operation) stylesprint.Score { return o.LatencyP50 })
	for _, f := range operationFigures() {
		title := f.name
		switch {
		case f.reported && !anyReported(c), f.timed && untimed && title != "latency, p50":
			continue
		case f.timed && untimed:
			rows = append(rows, []string{"latency and throughput", "all", "-", "", why})
			continue
		}
		if why, ok := allMissing(c, f.of); ok {
			rows = append(rows, []string{title, "all", "-", "", why})
			continue
		}
		for _, cand := range c.Candidates {
			s := f.of(cand.Operation)
			row := []string{title, cand.Name, "-", "", s.Missing}
			if s.Missing == "" {
				row = []string{title, cand.Name, figureText(s.Value), s.Unit, intervalText(s) + ", n = " + strconv.Itoa(s.N)}
			}
			rows = append(rows, row)
			title = ""
		}
	}
	table(w, []string{"COST AND SPEED", "CANDIDATE", ">VALUE", "UNIT", "95 % INTERVAL"}, rows)
	fmt.Fprintln(w)
	rows = nil
	for _, cand := range c.Candidates {
		op := cand.Operation
		rows = append(rows, []string{cand.Name, strconv.Itoa(op.Outputs), strconv.Itoa(op.Failed), strconv.Itoa(op.Cut), strconv.Itoa(op.Replayed), fmt.Sprintf("%.0f %%", 100*op.Measured),
			figureText(op.PromptTokens), figureText(op.CompletionTokens), cmp.Or(op.CostSource, "-")})
	}
	table(w, []string{"CANDIDATE", ">OUTPUTS", ">FAILED", ">CUT OFF", ">REPLAYED", ">TIMED", ">TOKENS IN", ">OUT", "COST FROM"}, rows)
	fmt.Fprintln(w)
}

func anyReported(c compare.Comparison) bool {
	_, none := allMissing(c, func(o compare.Operation) stylesprint.Score { return o.ReportedP50 })
	return !none
}

// allMissing is the reason why no candidate has a figure, if it is the same for all.
func allMissing(c compare.Comparison, of func(compare.Operation) stylesprint.Score) (why string, ok bool) {
	for _, cand := range c.Candidates {
		s := of(cand.Operation)
		if s.Missing == "" || why != "" && s.Missing != why {
			return "", false
		}
		why = s.Missing
	}
	return why, why != ""
}

func printFronts(w io.Writer, c compare.Comparison) {
	for _, f := range c.Pareto {
		placed := 0
		var rows [][]string
		for _, p := range f.Points {
			if p.Missing != "" {
				rows = append(rows, []string{p.Candidate, "-", "-", "-", p.Missing})
				continue
			}
			placed++
			word := "on the front"
			if !p.OnFront {
				var by []string
				for _, d := range p.DominatedBy {
					by = append(by, fmt.Sprintf("%s (%.0f %%)", d.Candidate, 100*d.Probability))
				}
				word = "beaten by " + strings.Join(by, ", ")
			}
			rows = append(rows, []string{p.Candidate, withInterval(p.Expense), withInterval(p.Quality), fmt.Sprintf("%.0f %%", 100*p.Probability), word})
		}
		if placed < 2 {
			continue
		}
		fmt.Fprintf(w, "Trade-off of %s against %s (%s); ON FRONT: share of %d bootstrap samples\n", f.Metric, f.Title, f.Unit, f.Samples)
		table(w, []string{"CANDIDATE", ">" + strings.ToUpper(f.Name), ">" + strings.ToUpper(f.Metric), ">ON FRONT", ""}, rows)
		for _, t := range f.TradeOffs {
			fmt.Fprintln(w, t.Sentence)
		}
		fmt.Fprintln(w)
	}
}

// withInterval is "1.2 (1.1 to 1.3)".
func withInterval(s stylesprint.Score) string {
	if s.Level == 0 {
		return figureText(s.Value)
	}
	return figureText(s.Value) + " (" + intervalText(s) + ")"
}

// printSlices shows the primary metric by slice.
func printSlices(w io.Writer, c compare.Comparison) {
	m := 0
	for i, info := range c.Metrics {
		if info.Name == c.Primary {
			m = i
		}
	}
	for _, g := range c.Slices {
		fmt.Fprintf(w, "%s by %s (exploratory; p after Benjamini-Hochberg over slices; --json has all metrics)\n", c.Metrics[m].Title, g.Key)
		var rows [][]string
		var without []string
		for _, s := range g.Slices {
			if s.Missing != "" {
				without = append(without, s.Value+" ("+s.Missing+")")
				continue
			}
			rows = append(rows, sliceRows(s, m)...)
		}
		if len(rows) > 0 {
			table(w, []string{strings.ToUpper(g.Key), ">N", "CANDIDATE", "SCORE", ">DIFF.", ">95 % INTERVAL", ">P", "VERDICT"}, rows)
		}
		if len(without) > 0 {
			wrapped(w, "Without figures: "+strings.Join(without, ", ")+".")
		}
		if g.Unnamed > 0 {
			fmt.Fprintf(w, "%d items have no %s.\n", g.Unnamed, g.Key)
		}
		for _, worst := range g.Worst {
			fmt.Fprintf(w, "Weakest for %s: %s, %s, n = %d.\n", worst.Candidate, worst.Value, withInterval(worst.Score), worst.Items)
		}
		fmt.Fprintln(w)
	}
}

// sliceRows are the candidates' rows of one slice.
func sliceRows(s compare.Slice, m int) [][]string {
	var rows [][]string
	value, n := s.Value, strconv.Itoa(s.Items)
	for _, cand := range s.Candidates {
		row := []string{value, n, cand.Name, cmp.Or(cand.Scores[m].Missing, withInterval(cand.Scores[m])), "", "", "", ""}
		if cand.Differences != nil && cand.Scores[m].Missing == "" {
			d := cand.Differences[m]
			row = append(row[:4], signed(d.Delta), signed(d.Low)+" to "+signed(d.High), fmt.Sprintf("%.3f", d.PAdjusted), string(d.Verdict))
		}
		rows = append(rows, row)
		value, n = "", ""
	}
	return rows
}

// lineWidth is what the sections are set to, in columns.
const lineWidth = 100

// wrapped prints a paragraph in lines of at most lineWidth columns.
func wrapped(w io.Writer, text string) {
	used := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
		case used+1+n > lineWidth:
			fmt.Fprintln(w)
			used = 0
		default:
			fmt.Fprint(w, " ")
			used++
		}
		fmt.Fprint(w, word)
		used += n
	}
	fmt.Fprintln(w)
}

func printReported(w io.Writer, c compare.Comparison) {
	for _, r := range c.Reported {
		fmt.Fprintln(w, "Reported elsewhere (not measured here):", strings.Trim(r.Title+"; "+r.Source, "; "))
		var rows [][]string
		for _, k := range r.Candidates {
			name := k.Name
			for _, f := range k.Figures {
				apart := "-"
				for _, d := range r.Differences {
					if d.Candidate == k.Name && d.Metric == f.Metric {
						apart = d.Text + " against " + d.Base
					}
				}
				rows = append(rows, []string{name, f.Text, apart, strings.Trim(f.Source+"; "+f.Note, "; ")})
				name = ""
			}
		}
		table(w, []string{"CANDIDATE", "FIGURE", "DIFFERENCE", "NOTE"}, rows)
		if r.Note != "" {
			wrapped(w, r.Note)
		}
		wrapped(w, r.Statement)
		fmt.Fprintln(w)
	}
}

func signed(v float64) string {
	if v > 0 {
		return "+" + figureText(v)
	}
	return figureText(v)
}
