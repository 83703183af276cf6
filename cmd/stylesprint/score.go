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
	"stylesprint/embedding"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
)

func (a *app) scoreCommand() *cobra.Command {
	return group("score", "Score texts in files with one metric", a.scoreBLEUCommand(), a.scoreSimilarityCommand(), a.scoreCLIPCommand(), a.scoreFaithfulnessCommand(), a.scoreClassificationCommand())
}

// pairedFiles are the files of a metric that compares texts line by line.
type pairedFiles struct {
	hypothesis string
	references []string
}

func (p *pairedFiles) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.hypothesis, "hypothesis", "", "file of texts to be scored, one a line; - is standard input")
	cmd.Flags().StringArrayVar(&p.references, "reference", nil, "file of references, the same line for the same text; repeat it for several references")
	_ = cmd.MarkFlagRequired("hypothesis")
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
	return metric.Zip(all[0], all[1:], warn.Add), &open, nil
}

func (a *app) warnEmpty(e *metric.EmptyLines) {
	for _, w := range e.Warnings() {
		fmt.Fprintln(a.stderr, "Warning:", w)
	}
}

func (a *app) scoreBLEUCommand() *cobra.Command {
	var files pairedFiles
	var tokenize, smooth string
	var o metric.BLEUOptions
	var sentence bool
	cmd := &cobra.Command{
		Use:   "bleu --hypothesis FILE --reference FILE",
		Short: "BLEU as sacrebleu 2.6.0 computes it, with its signature",
		Long: `BLEU of a file of texts against one or more files of references, equal to sacrebleu 2.6.0.

The score (0-100) comes from the statistics of the whole file. "mean" is the average of the lines' own
scores on 0-1, as many articles print it; the two are not comparable. --sentence prints one line per text.`,
		Example: "  stylesprint score bleu --hypothesis out.txt --reference ref.txt --json\n  stylesprint score bleu --hypothesis out.txt --reference a.txt --reference b.txt --tokenize intl --sentence",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Tokenizer, o.Smoothing = metric.Tokenizer(tokenize), metric.Smoothing(smooth)
			bleu, err := metric.NewBLEU(o)
			if err != nil {
				return usageError{err}
			}
			return a.scoreBLEU(cmd.Context(), bleu, files, sentence)
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
	return cmd
}

func joined[T ~string](names []T) string {
	s := make([]string, len(names))
	for i, n := range names {
		s[i] = string(n)
	}
	return strings.Join(s, ", ")
}

func (a *app) scoreBLEU(ctx context.Context, bleu *metric.BLEU, files pairedFiles, sentence bool) error {
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
	a.warnEmpty(&empty)
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

func (a *app) scoreSimilarityCommand() *cobra.Command {
	var files pairedFiles
	cmd := &cobra.Command{
		Use:   "similarity --hypothesis FILE --reference FILE",
		Short: "Semantic similarity: the cosine of sentence embeddings, in exact precision",
		Long: `Cosine of each text's embedding and its reference's (of several references the nearest), and the mean of all.
The encoder is the configured one; without a configuration, all-MiniLM-L6-v2 on this machine.`,
		Example: "  stylesprint score similarity --hypothesis out.txt --reference ref.txt --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.scoreSimilarity(cmd.Context(), files)
		},
	}
	files.flags(cmd)
	return cmd
}

func (a *app) scoreSimilarity(ctx context.Context, files pairedFiles) error {
	var empty metric.EmptyLines
	samples, open, err := files.samples(a, &empty)
	if err != nil {
		return err
	}
	defer open.Close()
	c, err := a.config()
	if err != nil {
		return err
	}
	client, err := a.openEmbedder(ctx, c, encoder(c), string(stylesprint.Exact))
	if err != nil {
		return err
	}
	defer client.Close()
	similarity, err := metric.NewSimilarity(ctx, scoringEmbedder{client})
	if err != nil {
		return err
	}
	report, err := similarity.Report(ctx, samples)
	a.warnEmpty(&empty)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(report)
	}
	for i, v := range report.Pairs {
		fmt.Fprintf(a.stdout, "%d\t%.6f\n", i+1, v)
	}
	fmt.Fprintf(a.stdout, "mean %.6f over %d pairs, %d truncated\n%s\n", report.Mean, len(report.Pairs), report.Truncated, report.Signature)
	return nil
}

// scoringEmbedder serves a metric with an embedding client. A blank text, which
// no model embeds, is the zero vector: like nothing.
type scoringEmbedder struct{ client *embedding.Client }

var _ metric.Embedder = scoringEmbedder{}

func (s scoringEmbedder) Info(ctx context.Context) (embedding.Info, error) {
	return s.client.Info(ctx)
}

func (s scoringEmbedder) Embed(ctx context.Context, texts []string) ([]embedding.Vector, error) {
	var full []string
	for _, t := range texts {
		if !metric.IsBlank(t) {
			full = append(full, t)
		}
	}
	var res embedding.Result
	dims := 1
	if len(full) > 0 {
		var err error
		if res, err = s.client.Embed(ctx, full); err != nil {
			return nil, err
		}
		dims = len(res.Vectors[0].Values)
	}
	out := make([]embedding.Vector, len(texts))
	n := 0
	for i, t := range texts {
		if metric.IsBlank(t) {
			out[i] = embedding.Vector{Values: make([]float32, dims)}
			continue
		}
		out[i] = res.Vectors[n]
		n++
	}
	return out, nil
}
