package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/embedding"
	"stylesprint/evaluate"
	"stylesprint/evaluate/metric"
)

func (a *app) scoreSimilarityCommand() *cobra.Command {
	var files pairedFiles
	var name string
	cmd := &cobra.Command{
		Use:   "similarity --hypothesis FILE --reference FILE",
		Short: "Semantic similarity: the cosine of sentence embeddings, in exact precision",
		Long: `Cosine of each text's embedding and its reference's (of several references the nearest), and the mean of all.
The encoder is the configured one; without a configuration, all-MiniLM-L6-v2 on this machine. It warns where the encoder
does not know many of the texts' tokens, as all-MiniLM-L6-v2 does not know Chinese.`,
		Example: "  stylesprint score similarity --hypothesis out.txt --reference ref.txt --json\n  stylesprint score similarity --hypothesis out.txt --reference ref.txt --embedding " + multilingualEncoder,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.scoreSimilarity(cmd.Context(), &files, name)
		},
	}
	files.flags(cmd)
	embeddingFlag(cmd, &name)
	return cmd
}

func embeddingFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "embedding", "", "`name` of the encoder: a configured one, one that models list shows, or a folder (default: the configured one)")
}

func (a *app) scoreSimilarity(ctx context.Context, files *pairedFiles, name string) error {
	var empty metric.EmptyLines
	samples, open, err := files.samples(a, &empty)
	if err != nil {
		return err
	}
	defer open.Close()
	embedder, err := a.openScoringEmbedder(ctx, name)
	if err != nil {
		return err
	}
	defer embedder.client.Close()
	similarity, err := metric.NewSimilarity(ctx, embedder)
	if err != nil {
		return err
	}
	report, err := similarity.Report(ctx, samples)
	files.warn(a, &empty)
	if err != nil {
		return err
	}
	a.warnUnknown(ctx, embedder)
	if a.json {
		return a.printJSON(struct {
			metric.SimilarityReport
			Unknown float64 `json:"unknown_tokens"`
		}{report, embedder.unknownShare()})
	}
	for i, v := range report.Pairs {
		fmt.Fprintf(a.stdout, "%d\t%.6f\n", i+1, v)
	}
	fmt.Fprintf(a.stdout, "mean %.6f over %d pairs, %d truncated\n%s\n", report.Mean, len(report.Pairs), report.Truncated, report.Signature)
	return nil
}

func (a *app) scoreBERTScoreCommand() *cobra.Command {
	var files pairedFiles
	var name string
	var sentence bool
	cmd := &cobra.Command{
		Use:   "bertscore --hypothesis FILE --reference FILE",
		Short: "BERTScore: tokens matched by the cosine of their embeddings, in exact precision",
		Long: `Precision, recall and F of matching each token of a text with the nearest token of its reference, by the vectors of
the encoder's last layer; without idf weights and without rescaling, as the bert_score package computes it. Scores of one
encoder are comparable, those of two are not. The encoder is the configured one; without a configuration, all-MiniLM-L6-v2.`,
		Example: "  stylesprint score bertscore --hypothesis out.txt --reference ref.txt --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.scoreBERTScore(cmd.Context(), &files, name, sentence)
		},
	}
	files.flags(cmd)
	embeddingFlag(cmd, &name)
	cmd.Flags().BoolVar(&sentence, "sentence", false, "one line for each text")
	return cmd
}

func (a *app) scoreBERTScore(ctx context.Context, files *pairedFiles, name string, sentence bool) error {
	var embedder *scoringEmbedder
	err := a.scorePRF(ctx, []string{"bertscore"}, files, sentence, func() ([]metric.PRFMetric, error) {
		var err error
		if embedder, err = a.openScoringEmbedder(ctx, name); err != nil {
			return nil, err
		}
		m, err := metric.NewBERTScore(ctx, embedder)
		return []metric.PRFMetric{m}, err
	})
	if embedder != nil {
		defer embedder.client.Close()
		a.warnUnknown(ctx, embedder)
	}
	return err
}

// multilingualEncoder is what to use where the embedded encoder's words run out.
const multilingualEncoder = "paraphrase-multilingual-minilm-l12-v2"

// warnUnknown tells if the encoder did not know many of the tokens it read.
func (a *app) warnUnknown(ctx context.Context, e *scoringEmbedder) {
	if e.unknownShare() <= evaluate.MaxUnknown {
		return
	}
	name := ""
	if info, err := e.Info(ctx); err == nil {
		name = " " + info.Ref.Name
	}
	a.printUnknown("the encoder"+name, e.unknownShare())
}

// warnUnknownScores is warnUnknown for a run, from what is stored with it.
func (a *app) warnUnknownScores(run evaluate.Run) {
	for _, s := range run.Scores {
		if metric, ok := strings.CutSuffix(s.Metric, evaluate.UnknownName("")); ok && s.Value > evaluate.MaxUnknown {
			a.printUnknown("the encoder of "+metric, s.Value)
		}
	}
}

func (a *app) printUnknown(encoder string, share float64) {
	fmt.Fprintf(a.stderr, "Warning: %s does not know %.0f %% of the tokens of these texts, so that its scores say little about them; name a multilingual one: --embedding %s\n",
		encoder, 100*share, multilingualEncoder)
}

// namedEncoder is the configured encoder of a name, or else the local model of
// that name; without a name it is encoder's. In signatures a folder goes by its
// last name: the weights' hash tells the rest.
func namedEncoder(c config.Config, name string) config.Model {
	if name == "" {
		return encoder(c)
	}
	for _, m := range c.Models {
		if m.Task == "embedding" && m.Name == name {
			return m
		}
	}
	short := name
	if filepath.IsAbs(name) {
		short = filepath.Base(name)
	}
	return config.Model{Name: short, Model: name, Provider: "local", Task: "embedding"}
}

func (a *app) openScoringEmbedder(ctx context.Context, name string) (*scoringEmbedder, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	client, err := a.openEmbedder(ctx, c, namedEncoder(c, name), string(stylesprint.Exact))
	if err != nil {
		return nil, err
	}
	return &scoringEmbedder{client: client}, nil
}

// scoringEmbedder serves metrics with an embedding client and counts what the
// encoder does not know. A blank text, which no model embeds, is the zero vector:
// like nothing.
type scoringEmbedder struct {
	client          *embedding.Client
	tokens, unknown atomic.Int64
}

var (
	_ metric.Embedder      = (*scoringEmbedder)(nil)
	_ metric.TokenEmbedder = (*scoringEmbedder)(nil)
)

// unknownShare is the share of unknown tokens among those read so far.
func (s *scoringEmbedder) unknownShare() float64 {
	return float64(s.unknown.Load()) / float64(max(1, s.tokens.Load()))
}

func (s *scoringEmbedder) Info(ctx context.Context) (embedding.Info, error) {
	return s.client.Info(ctx)
}

func (s *scoringEmbedder) EmbedTokens(ctx context.Context, texts []string) ([]embedding.Tokens, error) {
	out, err := s.client.EmbedTokens(ctx, texts)
	for _, t := range out {
		s.tokens.Add(int64(len(t.Special)))
		s.unknown.Add(int64(t.Unknown))
	}
	return out, err
}

func (s *scoringEmbedder) Embed(ctx context.Context, texts []string) ([]embedding.Vector, error) {
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
		s.tokens.Add(int64(out[i].Tokens))
		s.unknown.Add(int64(out[i].Unknown))
		n++
	}
	return out, nil
}
