package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/evaluate/classification"
	"stylesprint/web/report"
)

// classificationFlags are the flags of score classification.
type classificationFlags struct {
	labels, predictions, scores, positive string
	average, zeroDivision, html           string
	multilabel                            bool
	beta                                  float64
	bootstrap                             int
}

func (a *app) scoreClassificationCommand() *cobra.Command {
	var f classificationFlags
	cmd := &cobra.Command{
		Use:   "classification --labels FILE --predictions FILE",
		Short: "Accuracy, precision, recall, F, ROC-AUC and calibration of predicted classes, as scikit-learn 1.9.1 computes them",
		Long: `Predicted classes, and scores where there are any, against the true classes; every figure equals scikit-learn 1.9.1's and has a 95 % interval from
a bootstrap over the items. The same line of every file is the same item.

Labels and predictions stand one a line; with --multilabel a line holds any number, separated by commas. Scores of two classes stand one a line, those of
the positive class; of more classes, one column for each, with a first line that names the classes. Files that end in .jsonl hold JSON values instead.
A figure that is not defined (ROC-AUC with one class only) is null, with a warning that says why.`,
		Example: "  stylesprint score classification --labels true.txt --predictions predicted.txt --scores p.txt --json\n" +
			"  stylesprint score classification --labels true.txt --predictions predicted.txt --positive sale --beta 2\n" +
			"  stylesprint score classification --labels true.txt --predictions predicted.txt --scores p.tsv --average weighted --html classes.html",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options()
			if err != nil {
				return usageError{err}
			}
			return a.scoreClassification(cmd.Context(), f, o)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.labels, "labels", "", "file of the true classes; - is standard input")
	fl.StringVar(&f.predictions, "predictions", "", "file of the predicted classes")
	fl.StringVar(&f.scores, "scores", "", "file of scores or probabilities; without it, figures that need them are null")
	fl.StringVar(&f.positive, "positive", "", "the positive class of two (default: 1, true, yes or positive, where the other is its opposite)")
	fl.BoolVar(&f.multilabel, "multilabel", false, "an item may have several classes, or none")
	fl.StringVar(&f.average, "average", "", "of precision, recall, F and areas: binary, micro, macro, weighted or samples (default: binary for two classes, else macro)")
	fl.Float64Var(&f.beta, "beta", 1, "F-beta beside F1: 2 weighs recall twice as much as precision")
	fl.StringVar(&f.zeroDivision, "zero-division", "warn", "what a quotient of nothing is: warn (0, with a warning), 0, 1, or nan (left out of averages)")
	fl.IntVar(&f.bootstrap, "bootstrap", 1000, "resamples behind the intervals; 0: no intervals")
	fl.StringVar(&f.html, "html", "", "write a self-contained page with the curves and the confusion matrix to this file too")
	_ = cmd.MarkFlagRequired("labels")
	_ = cmd.MarkFlagRequired("predictions")
	return cmd
}

func (f *classificationFlags) options() (classification.Options, error) {
	o := classification.Options{Beta: f.beta, Bootstrap: f.bootstrap}
	var err error
	if o.Average, err = classification.ParseAverage(f.average); err != nil {
		return o, fmt.Errorf("--average: %w", err)
	}
	if o.ZeroDivision, err = classification.ParseZeroDivision(f.zeroDivision); err != nil {
		return o, fmt.Errorf("--zero-division: %w", err)
	}
	switch {
	case !(f.beta > 0):
		return o, fmt.Errorf("--beta: want more than 0, got %v", f.beta)
	case f.bootstrap < 0:
		return o, fmt.Errorf("--bootstrap: want 0 or more, got %d", f.bootstrap)
	case f.bootstrap == 0:
		o.Bootstrap = -1
	}
	return o, nil
}

func (a *app) scoreClassification(ctx context.Context, f classificationFlags, o classification.Options) error {
	var open closers
	defer open.Close()
	files := classification.Files{Multilabel: f.multilabel, Positive: f.positive}
	var err error
	if files.Labels, err = a.openSource(f.labels, &open); err != nil {
		return err
	}
	if files.Predictions, err = a.openSource(f.predictions, &open); err != nil {
		return err
	}
	if f.scores != "" {
		s, err := a.openSource(f.scores, &open)
		if err != nil {
			return err
		}
		files.Scores = &s
	}
	d, err := classification.Read(files)
	if err != nil {
		return err
	}
	bar := a.progress("intervals", "resamples")
	o.Progress = func(done, total int) { bar.update(int64(done), int64(total)) }
	got, err := classification.Evaluate(ctx, d, o)
	bar.end()
	if err != nil {
		return err
	}
	if f.html != "" {
		in := report.ClassificationInput{Report: got, Labels: f.labels, Generated: a.now().UTC(), Version: buildVersion().Version}
		if err := writeFile(f.html, func(w *os.File) error { return report.WriteClassification(w, in) }); err != nil {
			return err
		}
		if !a.quiet {
			fmt.Fprintln(a.stderr, "report:", f.html)
		}
	}
	for _, w := range got.Warnings {
		fmt.Fprintln(a.stderr, "Warning:", w)
	}
	if a.json {
		return a.printJSON(got)
	}
	printClassification(a.stdout, got)
	return nil
}

// openSource opens a file of one item a line; - is standard input.
func (a *app) openSource(name string, open *closers) (classification.Source, error) {
	if name == "-" {
		return classification.Source{Name: name, Reader: a.stdin}, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return classification.Source{}, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "a file cannot be read", Hint: "check the path; docs/formats/classification.md says what a line may hold", Err: err}
	}
	open.add(file)
	return classification.Source{Name: name, Reader: file}, nil
}

// printClassification shows a report as tables.
func printClassification(w io.Writer, r classification.Report) {
	fmt.Fprintf(w, "%d items, %d classes, average %s", r.N, len(r.Classes), r.Average)
	if r.Positive != "" {
		fmt.Fprintf(w, ", positive class %s", strconv.Quote(r.Positive))
	}
	fmt.Fprint(w, "\n\n")
	var rows [][]string
	for _, h := range r.Headlines {
		row := []string{h.Title, figureOf(h.Value), "", h.Missing}
		if h.Level > 0 {
			row[2] = figureOf(h.Low) + " to " + figureOf(h.High)
		}
		if h.LowerIsBetter && h.Missing == "" {
			row[3] = "lower is better"
		}
		rows = append(rows, row)
	}
	table(w, []string{"FIGURE", ">VALUE", ">95 % INTERVAL", "NOTE"}, rows)
	fmt.Fprintln(w)
	rows = nil
	for _, c := range r.Rows {
		rows = append(rows, []string{strconv.Quote(c.Class), strconv.Itoa(c.Support), strconv.Itoa(c.Predicted), figureOf(c.Precision), figureOf(c.Recall), figureOf(c.F1), figureOf(c.ROCAUC), figureOf(c.AveragePrecision)})
	}
	table(w, []string{"CLASS", ">ITEMS", ">PREDICTED", ">PRECISION", ">RECALL", ">F1", ">ROC-AUC", ">AVERAGE PRECISION"}, rows)
	if c := r.Confusion; c != nil && len(c.Classes) <= 12 {
		fmt.Fprintln(w)
		header := []string{"TRUE \\ PREDICTED"}
		rows = nil
		for i, name := range c.Classes {
			header = append(header, ">"+strconv.Quote(name))
			row := []string{strconv.Quote(name)}
			for _, n := range c.Counts[i] {
				row = append(row, strconv.Itoa(n))
			}
			rows = append(rows, row)
		}
		table(w, header, rows)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, r.Signature)
}

// figureOf prints a share with the digits that an interval deserves.
func figureOf(f classification.Figure) string {
	if !f.Defined() {
		return "-"
	}
	return strconv.FormatFloat(float64(f), 'f', 4, 64)
}
