package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
)

func (a *app) scoreCommand() *cobra.Command {
	return group("score", "Score texts in files with one metric", a.scoreBLEUCommand(), a.scoreCHRFCommand(), a.scoreTERCommand(), a.scoreROUGECommand(),
		a.scoreSimilarityCommand(), a.scoreBERTScoreCommand(), a.scoreSamenessCommand(), a.scoreReadabilityCommand(), a.scoreCLIPCommand(), a.scoreFaithfulnessCommand(), a.scoreClassificationCommand())
}

// pairedFiles are the files of a metric that compares texts line by line.
type pairedFiles struct {
	hypothesis string
	references []string
	transposed metric.Transposition // looks at what samples streams
	own        bool                 // the texts are their own references, for metrics that look at their language
}

func (p *pairedFiles) hypothesisFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.hypothesis, "hypothesis", "", "file of texts to be scored, one a line; - is standard input")
	_ = cmd.MarkFlagRequired("hypothesis")
}

func (p *pairedFiles) flags(cmd *cobra.Command) {
	p.hypothesisFlag(cmd)
	cmd.Flags().StringArrayVar(&p.references, "reference", nil, "file of references, the same line for the same text; repeat it for several references")
	_ = cmd.MarkFlagRequired("reference")
}

// samples lines the files up. It opens them first, so that a missing file is
// told before anything is computed.
func (p *pairedFiles) samples(a *app, warn *metric.EmptyLines) (metric.Samples, io.Closer, error) {
	var open closers
	all := make([]metric.Lines, 0, 1+len(p.references))
	for _, name := range append([]string{p.hypothesis}, p.references...) {
		r := io.Reader(a.stdin)
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				_ = open.Close()
				return nil, nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "a file of texts cannot be read", Hint: "check the path; texts stand one a line, in UTF-8", Err: err}
			}
			open.add(f)
			r = f
		}
		all = append(all, metric.Lines{Name: name, Seq: dataset.Lines(r, name, 0)})
	}
	if p.own {
		return metric.OwnReferences(metric.Zip(all[0], nil, warn.Add)), &open, nil
	}
	return p.transposed.Watch(metric.Zip(all[0], all[1:], warn.Add), len(p.references)), &open, nil
}

// warn tells what was odd about the files that have been read.
func (p *pairedFiles) warn(a *app, empty *metric.EmptyLines) {
	a.warnEmpty(empty)
	if w := p.transposed.Warning(); w != "" {
		fmt.Fprintln(a.stderr, "Warning:", w)
	}
}

func (a *app) warnEmpty(e *metric.EmptyLines) {
	for _, w := range e.Warnings() {
		fmt.Fprintln(a.stderr, "Warning:", w)
	}
}

func (a *app) scoreBLEUCommand() *cobra.Command {
	var files pairedFiles
	var tokenize, smooth string
	var preset string
	var o metric.BLEUOptions
	var sentence bool
	cmd := &cobra.Command{
		Use:   "bleu --hypothesis FILE --reference FILE",
		Short: "BLEU as sacrebleu 2.6.0 computes it, with its signature",
		Long: `BLEU of a file of texts against one or more files of references, equal to sacrebleu 2.6.0.

The score (0-100) comes from the statistics of the whole file. "mean" is the average of the lines' own
scores on 0-1, as many articles print it; the two are not comparable. --sentence prints one line per text.

What articles call BLEU is computed in several ways. --preset computes it as one of them does, with that one's
signature and scale: ` + strings.Join(metric.PresetNames(), ", ") + `.
--preset all prints all of them side by side.`,
		Example: "  stylesprint score bleu --hypothesis out.txt --reference ref.txt --json\n  stylesprint score bleu --hypothesis out.txt --reference ref.txt --preset all\n  stylesprint score bleu --hypothesis out.txt --reference a.txt --reference b.txt --tokenize intl --sentence",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Tokenizer, o.Smoothing = metric.Tokenizer(tokenize), metric.Smoothing(smooth)
			bleu, err := metric.NewBLEU(o)
			if err != nil {
				return usageError{err}
			}
			if preset != "" {
				return a.scorePresets(cmd, preset, &files)
			}
			return a.scoreBLEU(cmd.Context(), bleu, &files, sentence)
		},
	}
	files.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&tokenize, "tokenize", "13a", "tokenizer: "+joined(metric.Tokenizers()))
	f.StringVar(&smooth, "smooth", "exp", "smoothing: "+joined(metric.Smoothings()))
	f.Float64Var(&o.SmoothValue, "smooth-value", 0, "value of floor (default 0.1) and add-k (default 1)")
	f.BoolVar(&o.Lowercase, "lowercase", false, "compare in lower case")
	f.BoolVar(&o.EffectiveOrder, "effective-order", false, "leave out orders for which the texts are too short")
	f.BoolVar(&sentence, "sentence", false, "one line for each text (always with the effective order)")
	f.StringVar(&preset, "preset", "", "compute it as this one does, or all")
	return cmd
}

func joined[T ~string](names []T) string {
	s := make([]string, len(names))
	for i, n := range names {
		s[i] = string(n)
	}
	return strings.Join(s, ", ")
}

func (a *app) scoreBLEU(ctx context.Context, bleu *metric.BLEU, files *pairedFiles, sentence bool) error {
	var empty metric.EmptyLines
	samples, open, err := files.samples(a, &empty)
	if err != nil {
		return err
	}
	defer open.Close()
	out := bufio.NewWriter(a.stdout)
	line := 0
	var each func(metric.BLEUSentence) error
	if sentence {
		each = func(s metric.BLEUSentence) error {
			line++
			if a.json {
				return printJSONTo(out, s)
			}
			_, err := fmt.Fprintf(out, "%d\t%.4f\n", line, s.Score)
			return err
		}
	}
	report, err := bleu.Report(ctx, samples, each)
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	files.warn(a, &empty)
	if err != nil || sentence {
		return err
	}
	if a.json {
		return a.printJSON(report)
	}
	p := report.Precisions
	fmt.Fprintf(a.stdout, "BLEU %.2f  (precisions %.1f / %.1f / %.1f / %.1f, brevity penalty %.3f, %d tokens against %d, %d texts)\nmean of texts %.4f on 0-1\n%s\n",
		report.Score, p[0], p[1], p[2], p[3], report.BP, report.SysLen, report.RefLen, report.Samples, report.Mean, report.Signature)
	return nil
}
