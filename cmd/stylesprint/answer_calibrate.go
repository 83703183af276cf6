package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/catalogue/answer"
	"stylesprint/catalogue/demo"
)

func (a *app) calibrateCommand() *cobra.Command {
	var write string
	var check bool
	var target, level float64
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Choose below which confidence the answer is \"I don't know\"",
		Long: `Fit the confidence of answers and choose its threshold on the demo catalogue's labelled questions, for the
configured encoder and for none.

The threshold is the lowest at which, with the given level (exact one-sided bound), at most the target share of unanswerable
questions is answered on the validation split; the test split is reported, never chosen on.`,
		Example: "  stylesprint answer calibrate\n  stylesprint answer calibrate --check\n  stylesprint answer calibrate --target 0.05 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			got, err := a.calibrate(cmd.Context(), target, level)
			if err != nil {
				return err
			}
			if check {
				return a.checkCalibration(got)
			}
			if write != "" {
				b, err := json.MarshalIndent(got, "", "  ")
				if err != nil {
					return fmt.Errorf("write calibration: %w", err)
				}
				return os.WriteFile(write, append(b, '\n'), 0o644)
			}
			if a.json {
				return a.printJSON(got)
			}
			return a.printCalibration(got)
		},
	}
	cmd.Flags().StringVar(&write, "write", "", "write the calibration to this file")
	cmd.Flags().BoolVar(&check, "check", false, "fail where the calibration that is built in is not what comes out")
	cmd.Flags().Float64Var(&target, "target", 0.05, "highest share of unanswerable questions that may be answered")
	cmd.Flags().Float64Var(&level, "level", 0.95, "confidence of that bound")
	return cmd
}

func (a *app) calibrate(ctx context.Context, target, level float64) (answer.Calibration, error) {
	out := answer.Calibration{Target: target, Level: level, Encoders: map[string]answer.Fitted{}}
	c, err := a.config()
	if err != nil {
		return out, err
	}
	if target <= 0 || target >= 1 || level <= 0 || level >= 1 {
		return out, usagef("--target and --level: want numbers between 0 and 1")
	}
	products, err := demo.Products()
	if err != nil {
		return out, err
	}
	guide, err := demo.CareGuide()
	if err != nil {
		return out, err
	}
	open, err := demo.LabelledQuestions()
	if err != nil {
		return out, err
	}
	examples, err := answer.Examples(products, open)
	if err != nil {
		return out, err
	}
	e := encoder(c)
	client, err := a.openEmbedder(ctx, c, e, string(stylesprint.Exact))
	if err != nil {
		return out, err
	}
	defer client.Close()
	for name, embed := range map[string]answer.Embedder{answer.Lexical: nil, e.Model: embedWith(client)} {
		f, err := answer.Fit(ctx, answer.Options{Guide: guide, Embed: embed, Encoder: name}, examples, target, level)
		if err != nil {
			return out, err
		}
		out.Encoders[name] = f
	}
	return out, nil
}

func (a *app) checkCalibration(got answer.Calibration) error {
	want, err := answer.Calibrated()
	if err != nil {
		return err
	}
	for name, f := range got.Encoders {
		if !f.Near(want.Encoders[name]) {
			return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("the built-in calibration of %q is stale", name), Hint: "stylesprint answer calibrate --write catalogue/answer/calibration.json"}
		}
	}
	_, err = fmt.Fprintf(a.stdout, "the built-in calibration is current for %d encoders\n", len(got.Encoders))
	return err
}

func (a *app) printCalibration(c answer.Calibration) error {
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(c.Encoders)) {
		f := c.Encoders[name]
		for _, s := range []struct {
			name string
			o    answer.Outcome
		}{{"validation", f.Validation}, {"test", f.Test}} {
			rows = append(rows, []string{name, fmt.Sprintf("%.4f", f.Threshold), s.name, s.o.False.String(), s.o.Answered.String(), s.o.Right.String()})
		}
	}
	table(a.stdout, []string{"encoder", ">threshold", "split", "unanswerable, answered", "answerable, answered", "right of those"}, rows)
	return nil
}
