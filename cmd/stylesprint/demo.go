package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/generate"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	once  bool
	fresh bool
	addr  string
	limit int
}

func (a *app) demoCommand() *cobra.Command {
	var d demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole way in one command: models, evaluation, report, server and dashboard",
		Long: `Fetch the two embedded models, have two candidates (the same model with a plain and with a brand-voice prompt)
describe the demo catalogue's test products, score both against written references, pictures and records, decide, write a
report, make a blind review for two people, and serve the result with a dashboard until Ctrl-C. With --once it stops after the report.

A second start resumes what was interrupted and repeats nothing that is done. The catalogue is demo data.`,
		Example: "  stylesprint demo\n  stylesprint demo --once",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			if d.addr != "" {
				c.Addr = d.addr
			}
			if err := c.Validate(); err != nil {
				return usageError{err}
			}
			if err := mayListen(c.Addr); err != nil {
				return err
			}
			return a.demo(cmd.Context(), c, d)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&d.once, "once", false, "stop after the report, without a server")
	f.BoolVar(&d.fresh, "new", false, "evaluate again even if it has been done")
	f.StringVar(&d.addr, "addr", "", "host:port of the server (default 127.0.0.1:8000)")
	f.IntVar(&d.limit, "limit", 0, "only the first products of the test split; 0 is all of them")
	return cmd
}

// demoParams are the same for both candidates: a low temperature and a light
// repetition penalty, without which so small a model goes round in circles. The
// run's seed is fixed, so a machine writes the same texts each time.
func demoParams() generate.Params {
	temperature, penalty, tokens := 0.3, 1.03, 128
	return generate.Params{Temperature: &temperature, RepetitionPenalty: &penalty, MaxTokens: &tokens}
}

// What a million tokens are said to cost in the demo, in and out. The model runs on
// this machine and costs electricity; without a price there would be no cost to compare.
const (
	demoPriceIn  = 0.02
	demoPriceOut = 0.10
)

// demoPriceNote says what the costs of the demo's runs rest on.
func demoPriceNote(runs []evaluate.Run) string {
	if len(runs) == 0 || runs[0].Candidate.Price.InputPerMillion != demoPriceIn {
		return ""
	}
	return fmt.Sprintf(" Costs rest on an assumed price of %.2f and %.2f for a million tokens in and out.", demoPriceIn, demoPriceOut)
}

// demoMetrics are one or more for each question that can be asked of the texts.
func demoMetrics() []string {
	return []string{"bleu", "bleu-mean", "chrf", "ter", "rouge-l", "similarity", "bertscore", "clip", "clip-ref", "clip-delta",
		"faithfulness", "faithfulness-precision", "faithfulness-recall", "contradictions", "unsupported-claims", "hard-violations",
		"distinct-2", "self-bleu", "boilerplate", "flesch", "length"}
}

func (a *app) demo(ctx context.Context, c config.Config, d demoFlags) error {
	p := a.progress("", "")
	p.say("StyleSprint demo: an invented catalogue, one small model, two prompts.")
	p.say("1/5  models")
	for _, name := range []string{languageModel(c, "", "").Model, encoder(c).Model} {
		local, err := a.ensure(ctx, c, name)
		if err != nil {
			return err
		}
		p.say("     %s  (%s)", name, local.Path)
	}
	runs, err := a.demoRuns(ctx, c, d, p)
	if err != nil {
		return err
	}
	p.say("3/5  comparison")
	report := filepath.Join(c.DataDir, "reports", "demo.html")
	if err := a.demoReport(ctx, c, runs, report); err != nil {
		return err
	}
	p.say("4/5  report: %s", report)
	task, err := a.demoTask(ctx, c, runs, p)
	if err != nil || d.once {
		return err
	}
	return a.serve(ctx, c, serving{role: roleAll, flags: serveFlags{addr: c.Addr}, listening: func(at net.Addr) {
		p.say("\nThe server is up. Stop it with Ctrl-C.\n  dashboard   http://%[1]s/\n  comparison  http://%[1]s%[2]s\n  review      http://%[1]s%[3]s\n  try         curl -s http://%[1]s/generate/ -d '{\"prompt\": \"Name three fabrics for summer.\"}'\n",
			at, comparisonPath(runs), task)
	}})
}

// demoTask makes the blind review of the runs and returns the path of its page.
func (a *app) demoTask(ctx context.Context, c config.Config, runs []evaluate.Run, p *progress) (string, error) {
	db, err := a.openStore(ctx, c)
	if err != nil {
		return "", err
	}
	defer db.Close()
	ids := make([]string, len(runs))
	for i, r := range runs {
		ids[i] = r.ID
	}
	path, links, err := a.demoReview(ctx, c, db, ids)
	if err != nil {
		return "", err
	}
	p.say("5/5  review: two people judge %s blind", strings.Join([]string{runs[0].Candidate.Name, runs[1].Candidate.Name}, " and "))
	for i, link := range links {
		p.say("     rater %d  %s", i+1, link)
	}
	if len(links) == 0 {
		p.say("     made before; stylesprint review invite makes further links")
	}
	return path, nil
}

// demoRuns evaluates the two candidates.
func (a *app) demoRuns(ctx context.Context, c config.Config, d demoFlags, p *progress) ([]evaluate.Run, error) {
	const split = "test"
	data, err := loadDataset(demoName, split, d.limit)
	if err != nil {
		return nil, err
	}
	db, err := a.openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	enc, err := a.openEmbedder(ctx, c, encoder(c), string(stylesprint.Exact))
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	parts := evalParts{config: c, db: db, encoder: enc, dataset: data}
	clip, err := a.openPictures(ctx, &parts, pictureFlags{}, demoName)
	if err != nil {
		return nil, err
	}
	defer clip.Close()
	p.say("2/5  evaluation: %d products, two candidates, one call at a time", len(data.Only(split)))
	var runs []evaluate.Run
	for _, prompt := range []string{"plain", "brand-voice"} {
		run, err := a.evalWith(ctx, parts, evalFlags{dataset: demoName, split: split, prompt: prompt, name: prompt, metrics: demoMetrics(), repeat: 1, concurrency: 1, fresh: d.fresh,
			model: modelFlags{in: demoPriceIn, out: demoPriceOut}}, demoParams())
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
		p.say("     %-12s %s", prompt, scoresLine(run))
	}
	return runs, nil
}

func scoresLine(r evaluate.Run) string {
	var parts []string
	for _, s := range r.Scores {
		if s.Missing == "" {
			parts = append(parts, fmt.Sprintf("%s %s", s.Metric, figureText(s.Value)))
		}
	}
	return strings.Join(parts, "  ")
}
