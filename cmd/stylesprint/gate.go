package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/export"
	"stylesprint/evaluate/gate"
	"stylesprint/web/report"
)

// gateFlags are the rules of eval gate, and where its result goes.
type gateFlags struct {
	compare              compareFlags
	rules                string
	loss, hard, min, max []string
	candidates           []string
	junit, markdown      string
	report               string
}

func (a *app) evalGateCommand() *cobra.Command {
	var f gateFlags
	cmd := &cobra.Command{
		Use:   "gate RUN|FILE RUN|FILE...",
		Short: "Hold runs against rules; exit code 100 where one is not met",
		Long: `Compare runs and hold every candidate but the baseline against rules. Without further rules a candidate must not be worse on any judged metric, where
worse takes two guards: significantly so, and by more than the loss that matters. --hard limits what must not happen at all, --min and --max bound a
metric, a cost or a latency (cost_per_10000, latency_p95, throughput, failed_share and more). What was not measured is not met.

--rules names a YAML or JSON file with the same rules and more (docs/formats/gate.md); flags are added to it and win over it.`,
		Example: "  stylesprint eval gate plain brand-voice\n" +
			"  stylesprint eval gate plain brand-voice --loss bleu=2 --min similarity=0.7 --max cost_per_10000=15 --hard hard-violations\n" +
			"  stylesprint eval gate plain brand-voice --rules gate.yaml --junit gate.xml --markdown gate.md",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := f.read(a.stdin)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				got, err := a.compareArgs(cmd.Context(), c, db, args, &f.compare)
				if err != nil {
					return err
				}
				if f.report != "" {
					if err := a.gateReport(cmd.Context(), comparer{db, datasets{dir: c.DataDir}}, got, f.report, rules); err != nil {
						return err
					}
				}
				return a.evalGate(got, f, rules)
			})
		},
	}
	f.compare.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.rules, "rules", "", "YAML or JSON file of rules; - is standard input")
	fl.StringArrayVar(&f.loss, "loss", nil, "METRIC=SIZE: the loss that matters on a metric (default: its margin); repeat it")
	fl.StringArrayVar(&f.hard, "hard", nil, "METRIC or METRIC=MAX: outputs that may have it at most (default 0); repeat it")
	fl.StringArrayVar(&f.min, "min", nil, "METRIC=VALUE: floor; repeat it")
	fl.StringArrayVar(&f.max, "max", nil, "METRIC=VALUE: ceiling; repeat it")
	fl.StringSliceVar(&f.candidates, "candidate", nil, "hold only these candidates against the rules")
	fl.StringVar(&f.junit, "junit", "", "write JUnit XML to this file too")
	fl.StringVar(&f.markdown, "markdown", "", "write Markdown for a pull request to this file too")
	fl.StringVar(&f.report, "report", "", "write the comparison with what the rules found, as one HTML file, too")
	return cmd
}

// read reads the rules of the file and adds those of the flags.
func (f *gateFlags) read(stdin io.Reader) (gate.Rules, error) {
	rules := gate.Default()
	if f.rules != "" {
		r := stdin
		if f.rules != "-" {
			file, err := os.Open(f.rules)
			if err != nil {
				return rules, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the file of rules cannot be read", Hint: "check the path; docs/formats/gate.md shows a file", Err: err}
			}
			defer file.Close()
			r = file
		}
		var err error
		if rules, err = gate.Read(r, f.rules); err != nil {
			return rules, err
		}
	}
	if len(f.candidates) > 0 {
		rules.Candidates = f.candidates
	}
	for _, s := range f.loss {
		name, v, err := named("loss", s, "")
		if err != nil {
			return rules, err
		}
		if v <= 0 {
			return rules, usagef("--loss: want more than 0, got %s", s)
		}
		rules.Regression = slices.DeleteFunc(rules.Regression, func(g gate.Regression) bool { return g.Metric == name })
		rules.Regression = append(rules.Regression, gate.Regression{Metric: name, Loss: v})
	}
	for _, l := range []struct {
		flag, absent string
		from         []string
		to           *[]gate.Limit
	}{{"hard", "0", f.hard, &rules.Hard}, {"min", "", f.min, &rules.Min}, {"max", "", f.max, &rules.Max}} {
		for _, s := range l.from {
			name, v, err := named(l.flag, s, l.absent)
			if err != nil {
				return rules, err
			}
			*l.to = slices.DeleteFunc(*l.to, func(k gate.Limit) bool { return k.Metric == name })
			*l.to = append(*l.to, gate.Limit{Metric: name, Value: v})
		}
	}
	if err := rules.Validate(); err != nil {
		return rules, usageError{err}
	}
	return rules, nil
}

// named reads METRIC=VALUE; absent stands for a value that is left out.
func named(flag, s, absent string) (name string, v float64, err error) {
	name, text, ok := strings.Cut(s, "=")
	if !ok {
		text = absent
	}
	v, err = strconv.ParseFloat(text, 64)
	if name == "" || err != nil {
		return "", 0, usagef("--%s: want METRIC=VALUE, got %q", flag, s)
	}
	return name, v, nil
}

func (a *app) evalGate(got compare.Comparison, f gateFlags, rules gate.Rules) error {
	result, err := gate.Evaluate(got, rules)
	if err != nil {
		return err
	}
	if f.junit != "" {
		if err := writeFile(f.junit, func(w *os.File) error { return export.JUnit(w, result, a.junitOptions()) }); err != nil {
			return err
		}
	}
	if f.markdown != "" {
		if err := writeFile(f.markdown, func(w *os.File) error { return export.Markdown(w, got, &result) }); err != nil {
			return err
		}
	}
	if a.json {
		if err := a.printJSON(result); err != nil {
			return err
		}
	} else {
		printGate(a.stdout, result)
	}
	if !result.Met {
		return gateError{result.Reasons()}
	}
	return nil
}

// gateReport writes the comparison, its texts and the gate's result as HTML.
func (a *app) gateReport(ctx context.Context, c comparer, got compare.Comparison, path string, rules gate.Rules) error {
	result, err := gate.Evaluate(got, rules)
	if err != nil {
		return err
	}
	in, err := a.reportOf(ctx, c, got)
	if err != nil {
		return err
	}
	in.Gate = &result
	return writeFile(path, func(w *os.File) error { return report.Write(w, in) })
}

func (a *app) junitOptions() export.JUnitOptions {
	return export.JUnitOptions{Timestamp: a.now(), Version: buildVersion().Version}
}

// printGate shows each rule with what was found.
func printGate(w io.Writer, r gate.Result) {
	fmt.Fprintf(w, "%s, %d items; differences are against %s\n\n", r.Dataset, r.Items, r.Baseline)
	for _, c := range r.Candidates {
		fmt.Fprintln(w, c.Name)
		for _, k := range c.Checks {
			fmt.Fprintf(w, "  %-12s  %s\n                %s\n", strings.ToUpper(string(k.Outcome)), k.Rule, k.Reason)
			if k.Why != "" {
				fmt.Fprintf(w, "                (%s)\n", k.Why)
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, r.Sentence)
}

// reportFormat is a way to write a comparison down.
type reportFormat string

// The formats of eval report.
const (
	formatHTML     reportFormat = "html"
	formatJSON     reportFormat = "json"
	formatCSV      reportFormat = "csv"
	formatJUnit    reportFormat = "junit"
	formatMarkdown reportFormat = "markdown"
)

func reportFormats() []reportFormat {
	return []reportFormat{formatHTML, formatJSON, formatCSV, formatJUnit, formatMarkdown}
}

// file is the file that a report of the format is written to by default.
func (f reportFormat) file() string {
	switch f {
	case formatJUnit:
		return "report.xml"
	case formatMarkdown:
		return "report.md"
	}
	return "report." + string(f)
}

func parseReportFormat(s string) (reportFormat, error) {
	if f := reportFormat(s); slices.Contains(reportFormats(), f) {
		return f, nil
	}
	return "", usagef("--format: want one of %s, got %q", joined(reportFormats()), s)
}

// writeReport writes a comparison down. Only HTML holds texts; JUnit holds the
// default gate: no significant loss beyond the margins.
func (a *app) writeReport(w io.Writer, in report.Input, f reportFormat) error {
	c := in.Comparison
	switch f {
	case formatHTML:
		return report.Write(w, in)
	case formatJSON:
		return printJSONTo(w, c)
	case formatCSV:
		return export.CSV(w, c)
	case formatMarkdown:
		return export.Markdown(w, c, nil)
	}
	r, err := gate.Evaluate(c, gate.Default())
	if err != nil {
		return err
	}
	return export.JUnit(w, r, a.junitOptions())
}
