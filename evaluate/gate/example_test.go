package gate_test

import (
	"fmt"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/gate"
)

func Example() {
	rules, err := gate.Read(strings.NewReader("min: [{metric: bleu, value: 20}]"), "gate.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := compare.Comparison{ // as compare.Compare makes it
		Dataset: "demo", Items: 40, Baseline: "plain", Method: compare.Method{Level: .95, Alpha: .05},
		Metrics: []compare.Metric{{Name: "bleu", Title: "BLEU", Unit: "0-100", Direction: compare.DirectionHigher, Judged: true, Margin: 1}},
		Candidates: []compare.Candidate{{Name: "plain"}, {Name: "voice", Scores: []stylesprint.Score{{Metric: "bleu", Value: 18, N: 40}},
			Differences: []compare.Difference{{Metric: "bleu", Delta: -.5, Low: -.9, High: -.1, PAdjusted: .02}}}},
	}
	result, err := gate.Evaluate(c, rules)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range result.Candidates[0].Checks {
		fmt.Printf("%s: %s\n", k.Outcome, k.Reason)
	}
	fmt.Println(result.Sentence)
	// Output:
	// passed: BLEU differs by -0.50 (95 % interval -0.90 to -0.10, p = 0.020): significantly worse, but by no more than the loss that matters
	// failed: BLEU: 18
	// voice does not meet the gate: 1 of 2 checks not met.
}
