package compare

import (
	"math"
	"strings"
	"testing"

	"stylesprint"
)

// handPlane has three candidates over four joint samples.
func handPlane(expense, quality [][]float64) plane {
	p := plane{Front: Front{Name: "cost", Title: "cost of 10,000 texts", Unit: "USD", Metric: "bleu", Samples: 4}, metric: Metric{Name: "bleu", Title: "BLEU", Unit: "0-100", Direction: DirectionHigher}, units: 30, verb: "costs"}
	for i := range expense {
		p.Points = append(p.Points, Point{Candidate: string(rune('a' + i)), Expense: stylesprint.Score{Value: mean(expense[i]), Unit: "USD"}, Quality: stylesprint.Score{Value: mean(quality[i])}})
	}
	p.expense, p.quality = expense, quality
	return p
}

func TestFrontByHand(t *testing.T) {
	t.Parallel()
	p := handPlane([][]float64{{1, 1, 1, 1}, {8, 8, 8, 8}, {9, 9, 9, 7}}, [][]float64{{10, 10, 10, 10}, {14, 14, 9, 15}, {12, 12, 12, 12}})
	p.compute()
	a, b, c := p.Points[0], p.Points[1], p.Points[2]
	// b falls behind the cheaper a in the third sample; c is beaten by b in the first two, and cheaper than it in the last.
	if !a.OnFront || a.Probability != 1 || !b.OnFront || b.Probability != 0.75 || c.OnFront || c.Probability != 0.5 {
		t.Errorf("%+v", p.Points)
	}
	if len(c.DominatedBy) != 1 || c.DominatedBy[0] != (Dominance{"b", 0.5}) {
		t.Errorf("%+v", c.DominatedBy)
	}
	if len(p.TradeOffs) != 1 {
		t.Fatalf("%+v", p.TradeOffs)
	}
	if got := p.TradeOffs[0]; got.From != "a" || got.To != "b" || got.Ratio.Value != 8 || got.Gain.Value != 3 || !strings.HasPrefix(got.Sentence, "b costs 8.00 (8.00 to 8.00) times as much as a for +3.00 BLEU (") {
		t.Errorf("%+v", got)
	}
}

func TestFrontOfTiesAndGaps(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	// The same twice: neither beats the other. One without a place is left out, and so are samples without a value.
	p := handPlane([][]float64{{1, 1, nan, 1}, {1, 1, 1, 1}, {0, 0, 0, 0}}, [][]float64{{5, 5, 5, 5}, {5, 5, 5, 5}, {9, 9, 9, 9}})
	p.Points[0].Expense.Value = 1
	p.Points[2].Missing, p.expense[2] = "no price", nil
	p.compute()
	if !p.Points[0].OnFront || !p.Points[1].OnFront || p.Points[0].Probability != 1 || p.Points[2].OnFront || len(p.TradeOffs) != 0 {
		t.Errorf("%+v", p.Points)
	}
	// Where lower is better, and the cheaper one is free.
	p = handPlane([][]float64{{0, 0, 0, 0}, {2, 2, 2, 2}}, [][]float64{{40, 40, 40, 40}, {30, 30, 30, 30}})
	p.metric.Direction = DirectionLower
	p.compute()
	if len(p.TradeOffs) != 1 || p.TradeOffs[0].Ratio.Missing == "" || !strings.HasPrefix(p.TradeOffs[0].Sentence, "b costs 2.00 USD per 10,000 texts, where a costs nothing, for -10.00 BLEU (") {
		t.Errorf("%+v", p.TradeOffs)
	}
}
