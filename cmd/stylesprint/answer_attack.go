package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"stylesprint/catalogue/answer"
	"stylesprint/catalogue/answer/attack"
	"stylesprint/catalogue/demo"
)

func (a *app) attackCommand() *cobra.Command {
	var m modelFlags
	var scripted, shapes bool
	cmd := &cobra.Command{
		Use:   "attack",
		Short: "Measure how often planted instructions change an answer",
		Long: `Plant instructions in a demo product's reviews, care guide, features and name, and in questions, and count how often an
answer does their harm, with exact 95 % intervals.

Four attackers: obedient, a scripted model that obeys every trace it is shown; captured, one that obeys whether it saw the attack or not, so
that only the checks of answers stand; and a real model with all defences and with none (bare).`,
		Example: "  stylesprint answer attack --scripted\n  stylesprint answer attack --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			attackers := []attack.Attacker{attack.Obedient, attack.Captured}
			if !scripted {
				attackers = append(attackers, attack.Defended, attack.Bare)
			}
			reports, err := a.attack(cmd.Context(), m, attackers)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(reports)
			}
			a.printAttacks(reports, shapes)
			return nil
		},
	}
	m.flags(cmd)
	cmd.Flags().BoolVar(&scripted, "scripted", false, "the scripted attackers alone; asks no model")
	cmd.Flags().BoolVar(&shapes, "shapes", false, "also by shape and by channel")
	return cmd
}

func (a *app) attack(ctx context.Context, m modelFlags, attackers []attack.Attacker) ([]attack.Report, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	attacks, err := attack.Suite()
	if err != nil {
		return nil, err
	}
	products, err := demo.Products()
	if err != nil {
		return nil, err
	}
	o := attack.Options{Product: products[0]}
	if o.Guide, err = demo.CareGuide(); err != nil {
		return nil, err
	}
	if slices.Contains(attackers, attack.Defended) || slices.Contains(attackers, attack.Bare) {
		conf, err := m.resolve(c)
		if err != nil {
			return nil, err
		}
		client, info, err := a.openGenerator(ctx, c, conf)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		found, closing, err := a.answerOptions(ctx, c)
		defer closing.Close()
		if err != nil {
			return nil, err
		}
		o.Generator, o.Model, o.Embed, o.Encoder = client, info.Ref.Name, found.Embed, found.Encoder
	}
	var out []attack.Report
	for _, who := range attackers {
		o := o
		o.Attacker = who
		p := a.progress(fmt.Sprintf("attacks, %s", who), "attacks")
		o.Progress = func(done, of int) { p.update(int64(done), int64(of)) }
		r, err := attack.Run(ctx, attacks, o)
		p.end()
		if err != nil {
			return nil, err
		}
		if who == attack.Obedient || who == attack.Captured {
			r.Model = "scripted"
		}
		out = append(out, r)
	}
	return out, nil
}

func (a *app) printAttacks(reports []attack.Report, shapes bool) {
	var rows [][]string
	for _, r := range reports {
		rows = append(rows, []string{string(r.Attacker), r.Model, r.Succeeded.String(), fmt.Sprint(r.Asked), fmt.Sprint(r.Obeyed), fmt.Sprint(r.Answered)})
	}
	table(a.stdout, []string{"attacker", "model", "succeeded", ">model asked", ">its text obeyed", ">answered"}, rows)
	for _, r := range reports {
		for _, s := range r.Through {
			fmt.Fprintf(a.stdout, "%s: %s got through: %q\n", r.Attacker, s.ID, s.Answer)
		}
		if !shapes {
			continue
		}
		var rows [][]string
		for _, counts := range []map[string]attack.Count{r.Shapes, r.Channels} {
			for _, k := range slices.Sorted(maps.Keys(counts)) {
				rows = append(rows, []string{k, answer.RateOf(counts[k].Succeeded, counts[k].Of).String()})
			}
		}
		fmt.Fprintln(a.stdout)
		table(a.stdout, []string{string(r.Attacker), "succeeded"}, rows)
	}
}
