package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/evaluate/gate"
	"stylesprint/release"
)

// gateRelease is what release gate was asked.
type gateRelease struct {
	gate    gateFlags
	against string
	route   string
	by      string
}

func (a *app) releaseGateCommand() *cobra.Command {
	var f gateRelease
	cmd := &cobra.Command{
		Use:   "gate RELEASE",
		Short: "Hold a release's evaluation against rules and keep the result; exit code 100 where one is not met",
		Long: `Compare the evaluation that a release names with the one of a baseline, hold it against the rules of "eval gate"
(docs/formats/gate.md), and keep the result with the release. The baseline is --against, a run or another release, or
else the release that serves --route. The evaluation has to be of what the release serves: the same model, prompt and parameters.`,
		Example: "  stylesprint release gate r1 --against plain\n  stylesprint release gate r2 --against r1 --rules gate.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := f.gate.read(a.stdin)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				return a.gateRelease(cmd.Context(), c, db, args[0], f, rules)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.against, "against", "", "the baseline: a run, a candidate's name or a release")
	fl.StringVar(&f.route, "route", "", "take the release that serves this route as the baseline")
	fl.StringVar(&f.gate.rules, "rules", "", "YAML or JSON file of rules; - is standard input")
	fl.StringArrayVar(&f.gate.loss, "loss", nil, "METRIC=SIZE: the loss that matters on a metric; repeat it")
	fl.StringArrayVar(&f.gate.hard, "hard", nil, "METRIC or METRIC=MAX: outputs that may have it at most; repeat it")
	fl.StringArrayVar(&f.gate.min, "min", nil, "METRIC=VALUE: floor; repeat it")
	fl.StringArrayVar(&f.gate.max, "max", nil, "METRIC=VALUE: ceiling; repeat it")
	fl.StringSliceVar(&f.gate.compare.metrics, "metrics", nil, "metrics to compare (default: all that the runs share)")
	a.byFlag(cmd, &f.by)
	return cmd
}

func (a *app) gateRelease(ctx context.Context, c config.Config, db *database, id string, f gateRelease, rules gate.Rules) error {
	r, err := db.Release(ctx, id)
	if err != nil {
		return err
	}
	v := release.Verdict{Release: r.ID, By: a.who(f.by)}
	if r.Evidence.Evaluation == "" {
		return &stylesprint.Error{Code: stylesprint.CodeConflict, Field: "evidence", Message: fmt.Sprintf("release %s names no evaluation, so there is nothing to hold against rules", id),
			Hint: "make one that does: stylesprint release create --evaluation RUN"}
	}
	run, err := db.Run(ctx, r.Evidence.Evaluation)
	if err != nil {
		return err
	}
	baseline, err := a.baseline(ctx, db, f)
	if err != nil {
		return err
	}
	v.Runs = []string{baseline, run.ID}
	mismatches := r.Mismatches(release.Tested{Run: run.ID, Done: run.Status == evaluate.StatusDone, Model: run.Candidate.Model, PromptHash: run.Candidate.PromptHash, Params: release.Params(run.Candidate.Params)})
	if len(mismatches) > 0 {
		v.Sentence, v.Reasons = fmt.Sprintf("%s does not meet the gate: its evaluation is of something else.", r.ID), mismatches
		return a.keepVerdict(ctx, db, v, nil)
	}
	if baseline == run.ID {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "against", Message: "the baseline is the release's own evaluation", Hint: "name another run or release with --against"}
	}
	got, err := comparer{db, datasets{dir: c.DataDir}}.compare(ctx, v.Runs, &f.gate.compare)
	if err != nil {
		return err
	}
	result, err := gate.Evaluate(got, rules)
	if err != nil {
		return err
	}
	v.Met, v.Sentence, v.Reasons = result.Met, result.Sentence, result.Reasons()
	if v.Result, err = json.Marshal(result); err != nil {
		return fmt.Errorf("keep the gate's result: %w", err)
	}
	return a.keepVerdict(ctx, db, v, &result)
}

// baseline finds the run that a release is compared with.
func (a *app) baseline(ctx context.Context, db *database, f gateRelease) (string, error) {
	name := f.against
	if name == "" && f.route != "" {
		history, err := db.Assignments(ctx, f.route)
		if err != nil {
			return "", err
		}
		shares := slices.Clone(release.Current(history))
		slices.SortStableFunc(shares, func(x, y release.Share) int { return y.Percent - x.Percent })
		name = shares[0].Release
	}
	if name == "" {
		return "", &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "against", Message: "there is no baseline: no release serves the route, and --against names none",
			Hint: "name the run of what is used today: --against RUN"}
	}
	if _, ok := release.NumberOf(name); ok {
		r, err := db.Release(ctx, name)
		if err != nil {
			return "", err
		}
		if r.Evidence.Evaluation == "" {
			return "", &stylesprint.Error{Code: stylesprint.CodeConflict, Field: "against", Message: fmt.Sprintf("release %s names no evaluation to compare with", name), Hint: "name a run with --against"}
		}
		return r.Evidence.Evaluation, nil
	}
	run, err := runNamed(ctx, db, name)
	return run.ID, err
}

func (a *app) keepVerdict(ctx context.Context, db *database, v release.Verdict, result *gate.Result) error {
	v, err := a.releaseBook(db).Gate(ctx, v)
	if err != nil {
		return err
	}
	switch {
	case a.json:
		err = a.printJSON(v)
	case result != nil:
		printGate(a.stdout, *result)
	default:
		_, err = fmt.Fprintln(a.stdout, v.Sentence)
	}
	if err == nil && !v.Met {
		err = gateError{v.Reasons}
	}
	return err
}
