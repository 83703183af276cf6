package compare

import (
	"context"
	"fmt"

	"stylesprint"
	"stylesprint/evaluate/resample"
)

// costOutputs is how many outputs a cost is told for: about a season's catalogue.
const costOutputs = 10_000

// operation sums up what a column costs and how fast it answers.
func (a *analysis) operation(ctx context.Context, i int) (Operation, error) {
	col := a.columns[i]
	op := col.operation
	outputs := float64(max(1, op.Outputs))
	op.PromptTokens, op.CompletionTokens = float64(col.prompt)/outputs, float64(col.complete)/outputs
	op.Measured = float64(len(col.latency)) / outputs

	op.Cost = stylesprint.Score{Metric: "cost", Unit: currency(col), N: op.Outputs, Signature: "cost of 10,000 outputs|from tokens and price"}
	if why := noCost(col); why != "" {
		op.Cost.Missing = why
	} else {
		op.CostSource = "price"
		if col.run.Candidate.Price == (stylesprint.Price{}) && op.Replayed > 0 && col.cost.Sum()[0] > 0 {
			op.CostSource, op.Cost.Signature = "record", "cost of 10,000 outputs|as the record tells it"
		}
		a.rivals.costs[i] = a.costs[i]
		setInterval(&op.Cost, meanValue(col.cost.Sum())*costOutputs, scaled(a.costs[i], costOutputs), a.Families)
	}
	if err := a.latencies(ctx, i, &op); err != nil {
		return op, err
	}
	a.throughput(i, &op)
	a.operationDifferences(i, &op)
	return op, nil
}

func currency(col *column) string {
	if c := col.run.Candidate.Price.Currency; c != "" {
		return c
	}
	return "USD"
}

// noCost says why a column has no cost. A model of this machine costs nothing; one
// that somebody else serves has an unknown cost until a price is set, be it 0.
func noCost(col *column) string {
	c := col.run.Candidate
	total := col.cost.Sum()[0]
	switch {
	case col.prompt+col.complete == 0 && total == 0:
		return "not measured: the outputs carry no token counts"
	case col.uncounted > 0:
		return fmt.Sprintf("not measured: %d of %d outputs carry no token counts", col.uncounted, col.operation.Outputs)
	case total == 0 && c.Price == (stylesprint.Price{}) && c.Model.Provider == recorded:
		return "not known: the record tells no cost and no price is set"
	case total == 0 && c.Price == (stylesprint.Price{}) && c.Model.Provider != "" && c.Model.Provider != "local":
		return "not known: no price is set for the model"
	}
	return ""
}

// recorded is the provider of candidates whose outputs come from a file.
const recorded = "recorded"

func setInterval(s *stylesprint.Score, value float64, samples []float64, units int) {
	s.Value, s.Low, s.High = value, value, value
	if units > 1 {
		s.Low, s.High = resample.UnitsInterval(samples, level, units)
		s.Level = level
	}
}

func scaled(values []float64, by float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v * by
	}
	return out
}

// operationDifferences compares cost and mean latency with the baseline's.
func (a *analysis) operationDifferences(i int, op *Operation) {
	col, base := a.columns[i], a.columns[a.base]
	op.CostDifference = stylesprint.Score{Metric: "cost_difference", Unit: currency(col), N: op.Outputs, Signature: "candidate minus baseline|cost of 10,000 outputs"}
	op.LatencyDifference = stylesprint.Score{Metric: "latency_difference", Unit: "s", N: len(col.latency), Signature: "candidate minus baseline|mean seconds of an output"}
	if i == a.base {
		op.CostDifference.Missing, op.LatencyDifference.Missing = "this is the baseline", "this is the baseline"
		return
	}
	switch {
	case noCost(col) != "":
		op.CostDifference.Missing = noCost(col)
	case noCost(base) != "":
		op.CostDifference.Missing = noCost(base)
	case currency(col) != currency(base):
		op.CostDifference.Missing = "not comparable: the prices are in " + currency(base) + " and " + currency(col)
	default:
		delta := meanValue(col.cost.Sum()) - meanValue(base.cost.Sum())
		setInterval(&op.CostDifference, delta*costOutputs, scaled(minus(a.costs[i], a.costs[a.base]), costOutputs), a.Families)
	}
	if op.LatencyDifference.Missing = unlike(col, base); op.LatencyDifference.Missing == "" {
		delta := meanValue(col.waiting.Sum()) - meanValue(base.waiting.Sum())
		setInterval(&op.LatencyDifference, delta, minus(a.waits[i], a.waits[a.base]), a.Families)
	}
}

// unlike says why two columns' latencies cannot be set beside one another.
func unlike(col, base *column) string {
	switch {
	case len(col.latency) == 0 || len(base.latency) == 0:
		return "not measured: one of them was replayed from a record"
	case col.run.Machine != base.run.Machine && col.run.Machine != "" && base.run.Machine != "":
		return "not comparable: the runs were made on different machines"
	case col.run.Concurrency != base.run.Concurrency:
		return "not comparable: the runs made different numbers of calls at once"
	}
	return ""
}
