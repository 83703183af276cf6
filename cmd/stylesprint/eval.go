package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/embedding"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/generate"
)

func (a *app) evalCommand() *cobra.Command {
	return group("eval", "Run candidates over a dataset, compare them and decide",
		a.evalRunCommand(), a.evalCompareCommand(), a.evalGateCommand(), a.evalReportCommand(), a.evalListCommand())
}

// evalFlags are the flags of eval run.
type evalFlags struct {
	dataset, split, name, prompt string
	replay, embedding            string
	metrics                      []string
	limit, repeat, concurrency   int
	fresh, retryFailed           bool
	model                        modelFlags
	sampling                     sampling
	pictures                     pictureFlags
	shards                       shardFlags
}

func (a *app) evalRunCommand() *cobra.Command {
	var e evalFlags
	cmd := &cobra.Command{
		Use:   "run --dataset DATASET --prompt PROMPT",
		Short: "Have one candidate write for every item, and score what it wrote",
		Long: `Have one candidate (a model, a prompt and parameters) write for every item of a dataset, then score the texts
against the references: BLEU, semantic similarity, length; with latency, tokens and cost of every call.

Every output is kept as soon as it is there. Killed or stopped, the same command resumes: nothing is asked twice but
the calls that were in flight, and those are counted. --new starts over.

With --shard-size a long run is worked shard by shard, and needs the memory of one; with --queue the shards are left to
"stylesprint worker" and "stylesprint serve".`,
		Example: "  stylesprint eval run --dataset demo --split test --prompt brand-voice --name brand-voice\n  stylesprint eval run --dataset items.jsonl --prompt plain --model gpt-4o-mini --provider openai --concurrency 8",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			sharded, err := e.shards.asked()
			if err != nil {
				return err
			}
			do := a.evalRun
			if sharded {
				do = a.evalSharded
			}
			run, err := do(cmd.Context(), c, e, e.sampling.params(cmd))
			if err != nil {
				return err
			}
			return a.printRun(run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.dataset, "dataset", demoName, "demo, demo-zh, or a file: .jsonl, .csv or .tsv")
	f.StringVar(&e.split, "split", "", "only the items of this split: train, validation or test")
	f.StringSliceVar(&e.metrics, "metrics", defaultMetrics(), "what to score: "+strings.Join(metric.Names(), ", "))
	embeddingFlag(cmd, &e.embedding)
	f.IntVar(&e.limit, "limit", 0, "only the first items; 0 is all")
	f.StringVar(&e.prompt, "prompt", "plain", "a template of `prompt list`, or a file")
	f.StringVar(&e.name, "name", "", "the candidate's name (default: the prompt's)")
	f.IntVar(&e.repeat, "repeat", 1, "outputs for each item, at a temperature above 0")
	f.IntVar(&e.concurrency, "concurrency", 1, "calls at the same time; 1 disturbs latency least")
	f.StringVar(&e.replay, "replay", "", "recorded outputs (a file of JSONL: item_id, text; or demo:hosted-large and others), used in place of calls; never counted in latency")
	f.BoolVar(&e.fresh, "new", false, "start a new run even if this one exists")
	f.BoolVar(&e.retryFailed, "retry-failed", false, "ask again for outputs that failed, whatever the reason")
	e.model.flags(cmd)
	e.sampling.flags(cmd)
	e.pictures.flags(cmd)
	e.shards.flags(cmd)
	return cmd
}

// evalRun runs one candidate; it opens and closes all that it needs.
func (a *app) evalRun(ctx context.Context, c config.Config, e evalFlags, params generate.Params) (evaluate.Run, error) {
	if _, err := e.model.resolve(c); err != nil { // wrong usage is told before a model is fetched or opened
		return evaluate.Run{}, err
	}
	if _, err := template(e.prompt); err != nil {
		return evaluate.Run{}, err
	}
	d, err := loadDataset(e.dataset, e.split, e.limit)
	if err != nil {
		return evaluate.Run{}, err
	}
	db, err := a.openStore(ctx, c)
	if err != nil {
		return evaluate.Run{}, err
	}
	defer db.Close()
	parts := evalParts{config: c, db: db, dataset: d}
	if slices.ContainsFunc(e.metrics, metric.NeedsEmbedding) {
		if parts.encoder, err = a.openEmbedder(ctx, c, namedEncoder(c, e.embedding), string(stylesprint.Exact)); err != nil {
			return evaluate.Run{}, err
		}
		defer parts.encoder.Close()
	}
	if needsPictures(e.metrics) {
		model, err := a.openPictures(ctx, &parts, e.pictures, e.dataset)
		if err != nil {
			return evaluate.Run{}, err
		}
		defer model.Close()
	}
	return a.evalWith(ctx, parts, e, params)
}

// defaultMetrics need no pictures and no second model.
func defaultMetrics() []string {
	return []string{"bleu", "bleu-mean", "chrf", "rouge-l", "similarity", "faithfulness", "contradictions", "unsupported-claims", "hard-violations",
		"distinct-2", "self-bleu", "boilerplate", "length"}
}

// metricsOf makes the metrics by name; models that none needs may be missing.
func metricsOf(ctx context.Context, names []string, parts evalParts) ([]metric.Metric, error) {
	o := metric.Options{Images: parts.images}
	if parts.encoder != nil {
		embedder := &scoringEmbedder{client: parts.encoder}
		o.Embedder, o.TokenEmbedder = embedder, embedder
	}
	if parts.clip != nil {
		o.CLIP = parts.clip
	}
	var out []metric.Metric
	for _, name := range names {
		m, err := metric.New(ctx, name, o)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// evalParts are opened once for one or more candidates.
type evalParts struct {
	config  config.Config
	db      *database
	encoder *embedding.Client // nil where no metric needs it
	clip    *metric.CLIPCache // nil where no metric needs it
	images  fs.FS             // of the items' pictures; nil where no metric needs it
	dataset dataset.Dataset
}

// evalWith runs one candidate with parts that are open.
func (a *app) evalWith(ctx context.Context, parts evalParts, e evalFlags, params generate.Params) (evaluate.Run, error) {
	t, err := template(e.prompt)
	if err != nil {
		return evaluate.Run{}, err
	}
	conf, err := e.model.resolve(parts.config)
	if err != nil {
		return evaluate.Run{}, err
	}
	metrics, err := metricsOf(ctx, e.metrics, parts)
	if err != nil {
		return evaluate.Run{}, err
	}
	plan := evaluate.Plan{
		Dataset: parts.dataset, Split: e.split, Repeat: e.repeat, Concurrency: e.concurrency, New: e.fresh, RetryFailed: e.retryFailed,
		Candidate: evaluate.Candidate{Name: or(e.name, t.Name), Prompt: t.Name, PromptHash: t.Hash, Params: params, Price: conf.Price.Price()},
	}
	runner := evaluate.Runner{Store: parts.db, Prompt: t, Metrics: metrics, Now: a.now}
	if e.replay != "" {
		if plan.Recorded, err = readRecording(e.replay); err != nil {
			return evaluate.Run{}, err
		}
		plan.Candidate.Model = stylesprint.ModelRef{Provider: "recorded", Name: conf.Name}
	} else {
		client, info, err := a.openGenerator(ctx, parts.config, conf)
		if err != nil {
			return evaluate.Run{}, err
		}
		defer client.Close()
		runner.Client, plan.Candidate.Model = client, info.Ref
		if conf.Provider == "local" {
			plan.Candidate.Precision, plan.Machine = stylesprint.Precision(conf.Precision), evaluate.Machine()
		}
	}
	if err := keepDataset(parts.config.DataDir, parts.dataset); err != nil {
		return evaluate.Run{}, err
	}
	p := a.progress(plan.Candidate.Name, "")
	defer p.end()
	runner.Progress = func(g evaluate.Progress) { p.update(int64(g.Done), int64(g.Total)) }
	if known, found, err := runner.Find(ctx, plan); err == nil && found && known.Status != evaluate.StatusDone {
		p.say("resuming %s after %d of %d outputs", known.ID, known.Done, known.Total)
	}
	run, err := runner.Run(ctx, plan)
	if err == nil {
		a.warnUnknownScores(run)
	}
	return run, err
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func readRecording(path string) (*evaluate.Recording, error) {
	if strings.HasPrefix(path, demoRecordings) {
		return demoRecording(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read recorded outputs: %w", err)
	}
	defer f.Close()
	return evaluate.ReadRecording(f, path, 0)
}

// printRun shows a run and its scores.
func (a *app) printRun(r evaluate.Run) error {
	if a.json {
		return a.printJSON(r)
	}
	if r.Sharded() && r.Status != evaluate.StatusDone {
		fmt.Fprintf(a.stdout, "%s  %s on %s, %d of %d outputs, %d shards with the workers\n", r.ID, r.Candidate.Name, r.Dataset, r.Done, r.Total, r.Shards)
		return nil
	}
	fmt.Fprintf(a.stdout, "%s  %s on %s, %d of %d outputs, %d failed, %d calls repeated after an interrupt\n", r.ID, r.Candidate.Name, r.Dataset, r.Done, r.Total, r.Failed, r.RepeatedCalls)
	var rows [][]string
	for _, s := range r.Scores {
		rows = append(rows, scoreRow(s))
	}
	table(a.stdout, []string{"METRIC", ">VALUE", ">95 % INTERVAL", ">N", "UNIT"}, rows)
	return nil
}

func scoreRow(s stylesprint.Score) []string {
	if s.Missing != "" {
		return []string{s.Metric, "-", s.Missing, strconv.Itoa(s.N), s.Unit}
	}
	return []string{s.Metric, figureText(s.Value), figureText(s.Low) + " to " + figureText(s.High), strconv.Itoa(s.N), s.Unit}
}

// figureText prints a figure with four significant digits.
func figureText(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func (a *app) evalListCommand() *cobra.Command {
	var limit int
	var of string
	cmd := &cobra.Command{
		Use: "list", Short: "List runs, newest first", Example: "  stylesprint eval list --limit 5\n  stylesprint eval list --shards-of run-0123456789ab", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(_ config.Config, db *database) error {
				runs, err := db.Runs(cmd.Context(), evaluate.Filter{Limit: limit, Parent: of})
				if err != nil {
					return err
				}
				return a.printRuns(runs)
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most this many")
	cmd.Flags().StringVar(&of, "shards-of", "", "the shards of this run, first to last")
	return cmd
}

// outputsText is how far a run is.
func outputsText(r evaluate.Run) string {
	text := fmt.Sprintf("%d/%d", r.Done, r.Total)
	if r.Sharded() && r.Status != evaluate.StatusDone && r.Total > 0 {
		text += fmt.Sprintf(" (%d %%)", 100*r.Done/r.Total)
	}
	return text
}

// printRuns shows runs as a table, or says how to make the first.
func (a *app) printRuns(runs []evaluate.Run) error {
	if a.json {
		return a.printJSON(runs)
	}
	if len(runs) == 0 {
		fmt.Fprintln(a.stderr, "There are no runs yet. Try: stylesprint eval run --dataset demo --split test --prompt plain")
		return nil
	}
	var rows [][]string
	for _, r := range runs {
		rows = append(rows, []string{r.ID, r.Candidate.Name, r.Candidate.Model.Name, r.Dataset, string(r.Status), outputsText(r), r.Created.Local().Format("2006-01-02 15:04")})
	}
	table(a.stdout, []string{"RUN", "CANDIDATE", "MODEL", "DATASET", "STATUS", ">OUTPUTS", "STARTED"}, rows)
	return nil
}
