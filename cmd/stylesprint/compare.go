package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/store/sqlite"
	"stylesprint/web"
	"stylesprint/web/report"
)

// compareFlags choose what is compared.
type compareFlags struct {
	baseline, primary string
}

func (f *compareFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "candidate that the others are compared with (default: the first)")
	cmd.Flags().StringVar(&f.primary, "primary", "", "metric that a candidate must win on (default: bleu)")
}

func (a *app) evalCompareCommand() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare RUN RUN...",
		Short: "Compare runs over the same items: paired differences, cost, latency, and the decision",
		Long: `Compare two or more finished runs over the same items. A RUN is an id, or a candidate's name, which means its newest run.
Differences are paired by item, with a 95 % interval from a bootstrap over product families and p from approximate randomisation, corrected over
candidates. Runs over different items, or scored with different settings, are refused.`,
		Example: "  stylesprint eval compare plain brand-voice\n  stylesprint eval compare plain brand-voice --primary similarity --json",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(c config.Config, db *sqlite.DB) error {
				ids, err := runIDs(cmd.Context(), db, args)
				if err != nil {
					return err
				}
				got, err := comparer{db, datasets{c.DataDir}}.compare(cmd.Context(), ids, f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(got)
				}
				printComparison(a.stdout, got)
				return nil
			})
		},
	}
	f.flags(cmd)
	return cmd
}

func (a *app) evalReportCommand() *cobra.Command {
	var f compareFlags
	var output string
	cmd := &cobra.Command{
		Use:     "report RUN RUN...",
		Short:   "Write a comparison as one self-contained HTML file",
		Example: "  stylesprint eval report plain brand-voice --output report.html",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(c config.Config, db *sqlite.DB) error {
				ids, err := runIDs(cmd.Context(), db, args)
				if err != nil {
					return err
				}
				in, err := a.reportInput(cmd.Context(), comparer{db, datasets{c.DataDir}}, ids, f)
				if err != nil {
					return err
				}
				in.Command = "stylesprint eval report " + strings.Join(args, " ")
				if output == "-" {
					return report.Write(a.stdout, in)
				}
				if err := writeFile(output, func(w *os.File) error { return report.Write(w, in) }); err != nil {
					return err
				}
				if !a.quiet {
					fmt.Fprintln(a.stderr, "report:", output)
				}
				return nil
			})
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&output, "output", "report.html", "file to write; - is standard output")
	return cmd
}

// withStore opens the database for one command.
func (a *app) withStore(ctx context.Context, do func(config.Config, *sqlite.DB) error) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	db, err := a.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(c, db)
}

// runIDs turns run ids and candidates' names into run ids.
func runIDs(ctx context.Context, db *sqlite.DB, names []string) ([]string, error) {
	newest, err := db.Runs(ctx, evaluate.Filter{Limit: 1000})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(names))
	for i, name := range names {
		for _, r := range newest {
			if r.ID == name || (r.Candidate.Name == name && r.Status == evaluate.StatusDone) {
				ids[i] = r.ID
				break
			}
		}
		if ids[i] == "" {
			return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no finished run of %q", name), Hint: "stylesprint eval list"}
		}
	}
	return ids, nil
}

// comparer compares runs of the store for commands and pages.
type comparer struct {
	db   *sqlite.DB
	data datasets
}

var _ web.Comparer = comparer{}

func (c comparer) compare(ctx context.Context, ids []string, f compareFlags) (compare.Comparison, error) {
	first, err := c.db.Run(ctx, ids[0])
	if err != nil {
		return compare.Comparison{}, err
	}
	d, err := c.data.of(first)
	if err != nil {
		return compare.Comparison{}, err
	}
	return compare.Compare(ctx, c.db, ids, compare.Options{Dataset: d, Baseline: f.baseline, Primary: f.primary})
}

// Compare implements web.Comparer.
func (c comparer) Compare(ctx context.Context, ids []string) (compare.Comparison, error) {
	return c.compare(ctx, ids, compareFlags{})
}

// Rows implements web.Comparer.
func (c comparer) Rows(ctx context.Context, ids []string, yield func(compare.Row) error) error {
	first, err := c.db.Run(ctx, ids[0])
	if err != nil {
		return err
	}
	d, err := c.data.of(first)
	if err != nil {
		return err
	}
	for row, err := range compare.Rows(ctx, c.db, ids, d) {
		if err != nil {
			return err
		}
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

// reportRows is how many texts a report shows side by side.
const reportRows = 200

func (a *app) reportInput(ctx context.Context, c comparer, ids []string, f compareFlags) (report.Input, error) {
	got, err := c.compare(ctx, ids, f)
	if err != nil {
		return report.Input{}, err
	}
	in := report.Input{Comparison: got, Generated: a.now().UTC(), Version: buildVersion().Version, Note: datasetNote(got.Dataset)}
	err = c.Rows(ctx, ids, func(r compare.Row) error {
		in.RowsTotal++
		if len(in.Rows) < reportRows {
			in.Rows = append(in.Rows, r)
		}
		return nil
	})
	return in, err
}

// demoReport compares the demo's runs on the terminal and in a file.
func (a *app) demoReport(ctx context.Context, c config.Config, runs []evaluate.Run, path string) error {
	db, err := a.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer db.Close()
	ids := make([]string, len(runs))
	for i, r := range runs {
		ids[i] = r.ID
	}
	in, err := a.reportInput(ctx, comparer{db, datasets{c.DataDir}}, ids, compareFlags{})
	if err != nil {
		return err
	}
	in.Command = "stylesprint demo --once"
	if a.json {
		if err := a.printJSON(in.Comparison); err != nil {
			return err
		}
	} else {
		printComparison(a.stdout, in.Comparison)
	}
	return writeFile(path, func(w *os.File) error { return report.Write(w, in) })
}

// comparisonPath is the dashboard's page for runs.
func comparisonPath(runs []evaluate.Run) string {
	q := url.Values{}
	for _, r := range runs {
		q.Add("run", r.ID)
	}
	return "/comparisons/view?" + q.Encode()
}

// printComparison shows a comparison as tables and the sentence that decides.
func printComparison(w io.Writer, c compare.Comparison) {
	fmt.Fprintf(w, "%s, %d items in %d families; differences are against %s\n\n", c.Dataset, c.Items, c.Families, c.Baseline)
	header := []string{"CANDIDATE"}
	for _, m := range c.Metrics {
		header = append(header, ">"+m.Title)
	}
	header = append(header, ">LATENCY P50", ">P95", ">TOKENS OUT", ">COST / 10,000", ">FAILED")
	var rows [][]string
	for _, cand := range c.Candidates {
		row := []string{cand.Name}
		for _, s := range cand.Scores {
			row = append(row, scoreText(s, ""))
		}
		op := cand.Operation
		rows = append(rows, append(row, scoreText(op.LatencyP50, " s"), scoreText(op.LatencyP95, " s"), figureText(op.CompletionTokens), scoreText(op.Cost, " "+op.Cost.Unit), strconv.Itoa(op.Failed)))
	}
	table(w, header, rows)
	fmt.Fprintln(w)
	rows = nil
	for _, cand := range c.Candidates {
		for _, d := range cand.Differences {
			rows = append(rows, []string{cand.Name, d.Metric, signed(d.Delta), signed(d.Low) + " to " + signed(d.High), fmt.Sprintf("%.4f", d.PAdjusted), string(d.Verdict)})
		}
	}
	table(w, []string{"CANDIDATE", "METRIC", ">DIFFERENCE", ">95 % INTERVAL", ">P", "VERDICT"}, rows)
	fmt.Fprintln(w)
	for _, warning := range c.Warnings {
		fmt.Fprintln(w, "Note:", warning)
	}
	fmt.Fprintf(w, "Decision: %s\n", c.Decision.Sentence)
	for _, reason := range c.Decision.Reasons {
		fmt.Fprintln(w, "  -", reason)
	}
}

func scoreText(s stylesprint.Score, unit string) string {
	if s.Missing != "" {
		return "-"
	}
	return figureText(s.Value) + unit
}

func signed(v float64) string {
	if v > 0 {
		return "+" + figureText(v)
	}
	return figureText(v)
}
