package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/shard"
)

// shardedIDs says whether the arguments of eval compare name sharded runs, and turns them
// into ids. Sharded and other runs cannot be compared with one another.
func shardedIDs(ctx context.Context, db *database, args []string) ([]string, bool, error) {
	var plain, sharded []string
	for _, arg := range args {
		known, err := runIDs(ctx, db, []string{arg})
		if stylesprint.CodeOf(err) == stylesprint.CodeNotFound {
			plain = append(plain, arg) // a file, or a fault that is told later
			continue
		}
		if err != nil {
			return nil, false, err
		}
		run, err := db.Run(ctx, known[0])
		if err != nil {
			return nil, false, err
		}
		if run.Sharded() {
			sharded = append(sharded, run.ID)
		} else {
			plain = append(plain, arg)
		}
	}
	if len(sharded) > 0 && len(plain) > 0 {
		return nil, false, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("run %s is sharded and %s is not", sharded[0], plain[0]),
			Hint: "give the other's eval run command with --shard-size too, or this one's without"}
	}
	return sharded, len(sharded) > 0, nil
}

// compareSharded compares sharded runs from their merged replicates; done is false where
// the arguments name none.
func (a *app) compareSharded(ctx context.Context, db *database, args []string, f *compareFlags) (done bool, err error) {
	ids, sharded, err := shardedIDs(ctx, db, args)
	if err != nil || !sharded {
		return false, err
	}
	o := shard.CompareOptions{Baseline: f.baseline}
	got, err := shard.Compare(ctx, db, ids, o)
	if err != nil {
		return false, err
	}
	if a.json {
		return true, a.printJSON(got)
	}
	printSharded(a.stdout, got)
	return true, nil
}

// printSharded shows a comparison of sharded runs.
func printSharded(w io.Writer, c shard.Comparison) {
	fmt.Fprintf(w, "%s, %d items in %d families; differences are against %s, from %d replicates\n\n", c.Dataset, c.Items, c.Families, c.Baseline, c.Replicates)
	var rows [][]string
	for _, cand := range c.Candidates {
		for _, s := range cand.Scores {
			rows = append(rows, append([]string{cand.Name, cand.Run.ID}, scoreRow(s)...))
		}
	}
	table(w, []string{"CANDIDATE", "RUN", "METRIC", ">VALUE", ">95 % INTERVAL", ">N", "UNIT"}, rows)
	fmt.Fprintln(w)
	rows = nil
	for _, cand := range c.Candidates {
		op := cand.Operation
		latency := []string{"-", "-", "-"}
		if op.Latency.N > 0 {
			for i, q := range []float64{0.5, 0.95, 0.99} {
				latency[i] = figureText(op.Latency.Quantile(q)) + " s"
			}
		}
		outputs := float64(max(1, op.Outputs))
		rows = append(rows, append([]string{cand.Name}, append(latency, figureText(float64(op.Usage.CompletionTokens)/outputs),
			figureText(op.Cost.Units()/outputs*10000)+" "+or(cand.Run.Candidate.Price.Currency, "USD"), strconv.Itoa(op.Failed))...))
	}
	table(w, []string{"CANDIDATE", ">LATENCY P50", ">P95", ">P99", ">TOKENS OUT", ">COST / 10,000", ">FAILED"}, rows)
	fmt.Fprintln(w)
	rows = nil
	for _, cand := range c.Candidates {
		for _, d := range cand.Differences {
			rows = append(rows, []string{cand.Name, d.Metric, signed(d.Delta), signed(d.Low) + " to " + signed(d.High), fmt.Sprintf("%.4f", d.PAdjusted), string(d.Verdict)})
		}
	}
	table(w, []string{"CANDIDATE", "METRIC", ">DIFFERENCE", ">95 % INTERVAL", ">P", "VERDICT"}, rows)
	for _, note := range c.Notes {
		fmt.Fprintln(w, "Note:", note)
	}
}

// notSharded refuses runs whose texts a comparison would have to read at once.
func notSharded(runs ...evaluate.Run) error {
	for _, r := range runs {
		if r.Sharded() {
			return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Message: fmt.Sprintf("run %s is sharded: it has no page or report of its texts side by side", r.ID),
				Hint: "stylesprint eval compare " + r.ID + " RUN, which compares sharded runs by their sums"}
		}
	}
	return nil
}
