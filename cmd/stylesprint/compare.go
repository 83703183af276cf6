package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/web"
	"stylesprint/web/report"
)

// compareFlags choose what is compared, and how it is decided.
type compareFlags struct {
	baseline, incumbent, primary string
	rule, against                string
	dataset, split               string
	metrics, judged, reported    []string
	margins, prices              map[string]string
	sliceMinimum                 int
	view                         comparisonView
	pictures                     pictureFlags
}

func (f *compareFlags) flags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.incumbent, "incumbent", "", "candidate that the others are compared with (default: the first)")
	fs.StringVar(&f.baseline, "baseline", "", "another name for --incumbent")
	fs.StringVar(&f.primary, "primary", "", "metric that a candidate must win on (default: bleu)")
	fs.StringSliceVar(&f.metrics, "metrics", nil, "metrics to compare, and to score recorded outputs with (default: all that the runs share)")
	fs.StringSliceVar(&f.judged, "judge", nil, "metrics that the decision rests on (default: bleu, similarity, clip, faithfulness and hard-violations, those that the runs have)")
	fs.StringToStringVar(&f.margins, "margin", nil, "largest loss that does not matter, as metric=value in the metric's unit; repeat it")
	fs.StringVar(&f.rule, "rule", string(compare.RuleBetter), "better: a challenger must beat the incumbent, or be as good and cheaper; cheapest: the cheapest one within the margins")
	fs.StringVar(&f.against, "against", string(compare.AgainstBest), "reference of --rule cheapest: best (on the primary metric) or incumbent")
	fs.StringVar(&f.dataset, "dataset", "", "items that files of recorded outputs belong to: demo, or a .jsonl, .csv or .tsv file")
	fs.StringVar(&f.split, "split", "", "only the items of this split, for files of recorded outputs")
	fs.StringToStringVar(&f.prices, "price", nil, "what a candidate of recorded outputs costs, as name=INPUT/OUTPUT for a million tokens each; repeat it")
	fs.StringArrayVar(&f.reported, "reported", nil, "file of figures that somebody else reports (.json, .yaml, .csv), shown apart; repeat it")
	f.pictures.flags(cmd)
	fs.IntVar(&f.sliceMinimum, "slice-minimum", 0, "families or items that a slice needs for figures of its own (default 10)")
}

func (a *app) evalCompareCommand() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare RUN|FILE RUN|FILE...",
		Short: "Compare runs or recorded outputs over the same items: differences, cost, latency, and the decision",
		Long: `Compare two or more finished runs over the same items. A RUN is an id, or a candidate's name, which means its newest run.
A FILE holds recorded outputs (.jsonl, .csv, or the .json of "promptfoo eval -o"; demo:NAME is one of the demo's), of one
or several candidates; it is stored as a run for each and scored, with --dataset naming its items unless a RUN stands
beside it.

Differences are paired by item, with a 95 % interval from a bootstrap over product families and p from approximate
randomisation, corrected over candidates. Runs over different items, or scored with different settings, are refused.`,
		Example: `  stylesprint eval compare plain brand-voice
  stylesprint eval compare demo:hosted-large demo:hosted-small --split test --price hosted-large=2.5/10,hosted-small=0.15/0.6
  stylesprint eval compare plain brand-voice --rule cheapest --against incumbent --slices --json
  stylesprint eval compare old.jsonl results.json --dataset items.jsonl --metrics bleu,length --reported article.yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				if done, err := a.compareSharded(cmd.Context(), db, args, &f); done || err != nil {
					return err
				}
				got, err := a.compareArgs(cmd.Context(), c, db, args, &f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(got)
				}
				printComparison(a.stdout, got, f.view)
				return nil
			})
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&f.view.slices, "slices", false, "show the figures by category, colour and every other slice of the items")
	cmd.Flags().BoolVar(&f.view.sacrebleu, "sacrebleu", false, "show the paired tests as sacrebleu defines and prints them")
	return cmd
}

// compareArgs compares what the arguments name.
func (a *app) compareArgs(ctx context.Context, c config.Config, db *database, args []string, f *compareFlags) (compare.Comparison, error) {
	if _, err := f.options(); err != nil { // wrong usage is told before anything is stored
		return compare.Comparison{}, err
	}
	ids, err := a.sources(ctx, c, db, args, f)
	if err != nil {
		return compare.Comparison{}, err
	}
	return comparer{db, datasets{dir: c.DataDir}}.compare(ctx, ids, f)
}

func (a *app) evalReportCommand() *cobra.Command {
	var f compareFlags
	var output, formatName string
	cmd := &cobra.Command{
		Use:     "report RUN|FILE RUN|FILE...",
		Short:   "Write a comparison as one self-contained HTML file, or as JSON, CSV, JUnit XML or Markdown",
		Example: "  stylesprint eval report plain brand-voice --output report.html\n  stylesprint eval report plain brand-voice --format csv --output -",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := parseReportFormat(formatName)
			if err != nil {
				return err
			}
			output := cmp.Or(output, format.file())
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				if _, err := f.options(); err != nil {
					return err
				}
				ids, err := a.sources(cmd.Context(), c, db, args, &f)
				if err != nil {
					return err
				}
				in, err := a.reportInput(cmd.Context(), comparer{db, datasets{dir: c.DataDir}}, ids, &f)
				if err != nil {
					return err
				}
				in.Command = reportCommand(args, &f)
				write := func(w io.Writer) error { return a.writeReport(w, in, format) }
				if output == "-" {
					return write(a.stdout)
				}
				if err := writeFile(output, func(w *os.File) error { return write(w) }); err != nil {
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
	cmd.Flags().StringVar(&output, "output", "", "file to write (default: report. and the format's ending); - is standard output")
	cmd.Flags().StringVar(&formatName, "format", string(formatHTML), "what to write: "+joined(reportFormats()))
	return cmd
}

// withStore opens the database for one command.
func (a *app) withStore(ctx context.Context, do func(config.Config, *database) error) error {
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
func runIDs(ctx context.Context, db *database, names []string) ([]string, error) {
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
	db   *database
	data datasets
}

var _ web.Comparer = comparer{}

func (c comparer) compare(ctx context.Context, ids []string, f *compareFlags) (compare.Comparison, error) {
	o, err := f.options()
	if err != nil {
		return compare.Comparison{}, err
	}
	if len(ids) < 2 {
		return compare.Compare(ctx, c.db, ids, o) // which says that it takes two
	}
	first, err := c.db.Run(ctx, ids[0])
	if err != nil {
		return compare.Comparison{}, err
	}
	if err := notSharded(first); err != nil {
		return compare.Comparison{}, err
	}
	if o.Dataset, err = c.data.of(first); err != nil {
		return compare.Comparison{}, err
	}
	return compare.Compare(ctx, c.db, ids, o)
}

// Compare implements web.Comparer.
func (c comparer) Compare(ctx context.Context, ids []string) (compare.Comparison, error) {
	return c.compare(ctx, ids, &compareFlags{})
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

func (a *app) reportInput(ctx context.Context, c comparer, ids []string, f *compareFlags) (report.Input, error) {
	got, err := c.compare(ctx, ids, f)
	if err != nil {
		return report.Input{}, err
	}
	return a.reportOf(ctx, c, got)
}

// reportOf adds the texts to a comparison.
func (a *app) reportOf(ctx context.Context, c comparer, got compare.Comparison) (report.Input, error) {
	ids := make([]string, len(got.Candidates))
	for i, k := range got.Candidates {
		ids[i] = k.Run.ID
	}
	in := report.Input{Comparison: got, Faithfulness: checker(), Picture: report.Thumbnails(pictures(got.Candidates[0].Run)), Generated: a.now().UTC(), Version: buildVersion().Version, Note: datasetNote(got.Dataset)}
	err := c.Rows(ctx, ids, func(r compare.Row) error {
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
	in, err := a.reportInput(ctx, comparer{db, datasets{dir: c.DataDir}}, ids, &compareFlags{})
	if err != nil {
		return err
	}
	in.Command, in.Note = "stylesprint demo --once", in.Note+demoPriceNote(runs)
	if a.json {
		if err := a.printJSON(in.Comparison); err != nil {
			return err
		}
	} else {
		printComparison(a.stdout, in.Comparison, comparisonView{})
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
