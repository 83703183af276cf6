package main

import (
	"bufio"
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/evaluate/metric"
)

// scorePresets computes BLEU as one or all of the presets do.
func (a *app) scorePresets(cmd *cobra.Command, preset string, files *pairedFiles) error {
	for _, flag := range []string{"tokenize", "smooth", "smooth-value", "lowercase", "effective-order", "sentence"} {
		if cmd.Flags().Changed(flag) {
			return usagef("--preset sets everything; leave --%s out", flag)
		}
	}
	names := []string{preset}
	if preset == "all" {
		names = metric.PresetNames()
	}
	metrics := make([]metric.Metric, len(names))
	for i, name := range names {
		var err error
		if metrics[i], err = metric.NewPreset(name); err != nil {
			return usageError{err}
		}
	}
	reports, err := a.scoreFiles(cmd.Context(), metrics, files, nil)
	if err != nil {
		return err
	}
	type presetReport struct {
		Preset string `json:"preset"`
		metric.CorpusReport
	}
	out := make([]presetReport, len(names))
	var rows [][]string
	for i, r := range reports {
		out[i] = presetReport{names[i], r}
		rows = append(rows, []string{names[i], fmt.Sprintf("%.4f", r.Score), r.Unit, r.Signature})
	}
	switch {
	case a.json && preset == "all":
		return a.printJSON(out)
	case a.json:
		return a.printJSON(out[0])
	}
	table(a.stdout, []string{"PRESET", ">BLEU", "SCALE", "SIGNATURE"}, rows)
	return nil
}

// scoreFiles streams files through metrics and tells what was odd about them.
func (a *app) scoreFiles(ctx context.Context, metrics []metric.Metric, files *pairedFiles, each func([]metric.Measurement) error) ([]metric.CorpusReport, error) {
	var empty metric.EmptyLines
	samples, open, err := files.samples(a, &empty)
	if err != nil {
		return nil, err
	}
	defer open.Close()
	reports, err := metric.Report(ctx, metrics, samples, each)
	files.warn(a, &empty)
	return reports, err
}

// sentenceScore is a line of --sentence --json.
type sentenceScore struct {
	Score     float64 `json:"score"`
	Signature string  `json:"signature"`
}

// scoreOne prints one metric of files, or with sentence each text's own score;
// detail is what the table shows behind the score.
func (a *app) scoreOne(ctx context.Context, m metric.Metric, files *pairedFiles, sentence bool, show func(metric.CorpusReport) error) error {
	if !sentence {
		reports, err := a.scoreFiles(ctx, []metric.Metric{m}, files, nil)
		if err != nil {
			return err
		}
		return show(reports[0])
	}
	out := bufio.NewWriter(a.stdout)
	line := 0
	_, err := a.scoreFiles(ctx, []metric.Metric{m}, files, func(ms []metric.Measurement) error {
		line++
		if a.json {
			return printJSONTo(out, sentenceScore{ms[0].Score, m.Signature(ms[0].Refs)})
		}
		_, err := fmt.Fprintf(out, "%d\t%.4f\n", line, ms[0].Score)
		return err
	})
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	return err
}

func (a *app) scoreCHRFCommand() *cobra.Command {
	var files pairedFiles
	var o metric.CHRFOptions
	var sentence bool
	cmd := &cobra.Command{
		Use:   "chrf --hypothesis FILE --reference FILE",
		Short: "chrF and chrF++ as sacrebleu 2.6.0 computes them, with their signature",
		Long: `The character n-gram F score of a file of texts against one or more files of references, equal to sacrebleu 2.6.0.
--word-order 2 makes it chrF++. The score (0-100) comes from the statistics of the whole file; of several
references the best counts. It needs no tokenizer and suits languages that are written without spaces.`,
		Example: "  stylesprint score chrf --hypothesis out.txt --reference ref.txt --json\n  stylesprint score chrf --hypothesis out.txt --reference ref.txt --word-order 2",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := metric.NewCHRF(o)
			if err != nil {
				return usageError{err}
			}
			return a.scoreOne(cmd.Context(), m, &files, sentence, func(r metric.CorpusReport) error {
				if a.json {
					return a.printJSON(r)
				}
				_, err := fmt.Fprintf(a.stdout, "%s %.2f  (%d texts)\n%s\n", m.Info().Title, r.Score, r.Samples, r.Signature)
				return err
			})
		},
	}
	files.flags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.CharOrder, "char-order", 6, "longest character n-gram")
	f.IntVar(&o.WordOrder, "word-order", 0, "longest word n-gram; 2 is chrF++")
	f.IntVar(&o.Beta, "beta", 2, "how many times recall counts as much as precision")
	f.BoolVar(&o.Lowercase, "lowercase", false, "compare in lower case")
	f.BoolVar(&o.Whitespace, "whitespace", false, "characters of white space count too")
	f.BoolVar(&o.EpsSmoothing, "eps-smoothing", false, "average all orders' F scores, as chrF++.py, NLTK and Moses do")
	f.BoolVar(&sentence, "sentence", false, "one line for each text")
	return cmd
}

func (a *app) scoreTERCommand() *cobra.Command {
	var files pairedFiles
	var o metric.TEROptions
	var sentence bool
	cmd := &cobra.Command{
		Use:   "ter --hypothesis FILE --reference FILE",
		Short: "Translation edit rate as sacrebleu 2.6.0 computes it; lower is better",
		Long: `Edits (insertions, deletions, substitutions, shifts of blocks of words) that turn each text into its nearest reference, by the
references' mean length, times 100; equal to sacrebleu 2.6.0, and to Tercom as far as that is.`,
		Example: "  stylesprint score ter --hypothesis out.txt --reference ref.txt --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := metric.NewTER(o)
			if err != nil {
				return usageError{err}
			}
			return a.scoreOne(cmd.Context(), m, &files, sentence, func(r metric.CorpusReport) error {
				edits, length := r.Stats[0], r.Stats[1]
				if a.json {
					return a.printJSON(struct {
						metric.CorpusReport
						Edits     float64 `json:"edits"`
						RefLength float64 `json:"ref_length"`
					}{r, edits, length})
				}
				_, err := fmt.Fprintf(a.stdout, "TER %.2f  (%.0f edits, %.1f words of reference, %d texts)\n%s\n", r.Score, edits, length, r.Samples, r.Signature)
				return err
			})
		},
	}
	files.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.Normalized, "normalized", false, "split punctuation off")
	f.BoolVar(&o.NoPunctuation, "no-punct", false, "leave punctuation out")
	f.BoolVar(&o.AsianSupport, "asian-support", false, "treat CJK characters and punctuation too (with --normalized or --no-punct)")
	f.BoolVar(&o.CaseSensitive, "case-sensitive", false, "do not lower-case")
	f.BoolVar(&sentence, "sentence", false, "one line for each text")
	return cmd
}

func (a *app) scoreROUGECommand() *cobra.Command {
	var files pairedFiles
	var variants []string
	var stem, sentence bool
	cmd := &cobra.Command{
		Use:   "rouge --hypothesis FILE --reference FILE",
		Short: "ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum as Google's rouge_score computes them",
		Long: `Precision, recall and F (0-1), averaged over the texts, equal to Google's rouge_score 0.1.2; of several references the one
of best F counts. Its words are runs of a-z and 0-9: accented letters separate words, and Chinese text has none. For
ROUGE-Lsum a text's lines are its sentences, so that texts of one line have the same ROUGE-L and ROUGE-Lsum.`,
		Example: "  stylesprint score rouge --hypothesis out.txt --reference ref.txt --stem\n  stylesprint score rouge --hypothesis out.txt --reference ref.txt --variant rougeL --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.scorePRF(cmd.Context(), variants, &files, sentence, func() (metrics []metric.PRFMetric, err error) {
				for _, v := range variants {
					m, err := metric.NewROUGE(metric.ROUGEOptions{Variant: metric.ROUGEVariant(v), Stem: stem})
					if err != nil {
						return nil, usageError{err}
					}
					metrics = append(metrics, m)
				}
				return metrics, nil
			})
		},
	}
	files.flags(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&variants, "variant", []string{"rouge1", "rouge2", "rougeL", "rougeLsum"}, "what to compute")
	f.BoolVar(&stem, "stem", false, "compare stems (Porter's stemmer)")
	f.BoolVar(&sentence, "sentence", false, "one line for each text")
	return cmd
}

// scorePRF prints metrics that have a precision and a recall; open makes them
// once the files are there. As JSON one of them is an object, several are an
// object of objects by name.
func (a *app) scorePRF(ctx context.Context, names []string, files *pairedFiles, sentence bool, open func() ([]metric.PRFMetric, error)) error {
	var empty metric.EmptyLines
	samples, opened, err := files.samples(a, &empty)
	if err != nil {
		return err
	}
	defer opened.Close()
	metrics, err := open()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.stdout)
	line := 0
	var each func([]metric.PRF) error
	if sentence {
		each = func(scores []metric.PRF) error {
			line++
			return a.printPRF(out, line, names, scores)
		}
	}
	reports, err := metric.ReportPRF(ctx, metrics, samples, each)
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	files.warn(a, &empty)
	if err != nil || sentence {
		return err
	}
	var rows [][]string
	named := map[string]metric.PRFReport{}
	for i, r := range reports {
		named[names[i]] = r
		rows = append(rows, []string{names[i], fmt.Sprintf("%.4f", r.Precision), fmt.Sprintf("%.4f", r.Recall), fmt.Sprintf("%.4f", r.F1), r.Signature})
	}
	if a.json && len(metrics) == 1 {
		return a.printJSON(reports[0])
	}
	if a.json {
		return a.printJSON(named)
	}
	table(a.stdout, []string{"METRIC", ">PRECISION", ">RECALL", ">F1", "SIGNATURE"}, rows)
	return nil
}

// printPRF prints one text's measures on a line.
func (a *app) printPRF(out *bufio.Writer, line int, names []string, scores []metric.PRF) error {
	if a.json {
		row := map[string]metric.PRF{}
		for i, s := range scores {
			row[names[i]] = s
		}
		return printJSONTo(out, row)
	}
	fmt.Fprint(out, line)
	for _, s := range scores {
		fmt.Fprintf(out, "\t%.4f\t%.4f\t%.4f", s.Precision, s.Recall, s.F1)
	}
	_, err := fmt.Fprintln(out)
	return err
}

func (a *app) scoreSamenessCommand() *cobra.Command {
	var files pairedFiles
	cmd := &cobra.Command{
		Use:   "sameness --hypothesis FILE",
		Short: "How much the texts of a catalogue repeat one another: distinct-n, self-BLEU, boilerplate",
		Long: `Figures of a whole file of texts that no score of single texts shows: the share of different words, pairs and triples (distinct-1, 2, 3;
higher is better), the mean BLEU of each text against the others (self-bleu, at most 200 others; lower is better), and the
share of sentences that recur word for word in at least three texts (boilerplate; lower is better).`,
		Example: "  stylesprint score sameness --hypothesis out.txt --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.scoreTexts(cmd.Context(), []string{"distinct-1", "distinct-2", "distinct-3", "self-bleu", "boilerplate"}, &files)
		},
	}
	files.hypothesisFlag(cmd)
	return cmd
}

func (a *app) scoreReadabilityCommand() *cobra.Command {
	var files pairedFiles
	cmd := &cobra.Command{
		Use:   "readability --hypothesis FILE",
		Short: "How hard English texts are to read: Flesch reading ease, Flesch-Kincaid grade, sentence length",
		Long: `Flesch reading ease (higher is easier; 60 to 70 is plain English), Flesch-Kincaid grade (years of school) and words per
sentence of a file of texts in English, over all their words, sentences and syllables; texts in other than Latin letters are
left out. They are shown and never judged.`,
		Example: "  stylesprint score readability --hypothesis out.txt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			files.own = true
			return a.scoreTexts(cmd.Context(), []string{"flesch", "flesch-kincaid", "sentence-length", "length", "length-characters"}, &files)
		},
	}
	files.hypothesisFlag(cmd)
	return cmd
}

// scoreTexts prints metrics that need no references.
func (a *app) scoreTexts(ctx context.Context, names []string, files *pairedFiles) error {
	metrics, err := metricsOf(ctx, names, evalParts{})
	if err != nil {
		return err
	}
	reports, err := a.scoreFiles(ctx, metrics, files, nil)
	if err != nil {
		return err
	}
	for _, r := range reports {
		if r.Samples == 0 {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("%s: %s holds no text that %s can measure", r.Metric, files.hypothesis, r.Metric),
				Hint: "readability is for English; score chrf and length serve other languages"}
		}
	}
	if a.json {
		return a.printJSON(reports)
	}
	var rows [][]string
	for _, r := range reports {
		rows = append(rows, []string{r.Metric, fmt.Sprintf("%.4f", r.Score), r.Unit, strconv.Itoa(r.Samples), r.Signature})
	}
	table(a.stdout, []string{"METRIC", ">VALUE", "UNIT", ">TEXTS", "SIGNATURE"}, rows)
	return nil
}
