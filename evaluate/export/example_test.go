package export_test

import (
	"fmt"
	"os"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/export"
)

func ExampleMarkdown() {
	c := compare.Comparison{ // as compare.Compare makes it
		Dataset: "demo", Items: 40, Families: 40, Baseline: "plain", Method: compare.Method{Level: .95, Bootstrap: 1000, Randomization: 10000, Seed: 1, Unit: "item"},
		Decision: compare.Decision{Sentence: "The data do not decide."},
		Metrics:  []compare.Metric{{Name: "bleu", Title: "BLEU", Unit: "0-100", Direction: compare.DirectionHigher, Judged: true}},
	}
	for _, name := range []string{"plain", "a|b"} {
		c.Candidates = append(c.Candidates, compare.Candidate{Name: name, Scores: []stylesprint.Score{{Metric: "bleu", Value: 18, Low: 15, High: 21, Level: .95, N: 40}}})
	}
	short := firstLines{lines: 7}
	if err := export.Markdown(&short, c, nil); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ### The data do not decide.
	//
	// On demo, 40 items; differences are against plain.
	//
	// | Metric | plain | a\|b |
	// | --- | ---: | ---: |
	// | BLEU (0-100, higher is better) | 18.00 (15.00 to 21.00) | 18.00 (15.00 to 21.00) |
}

// firstLines passes a few lines on to standard output.
type firstLines struct{ lines int }

func (f *firstLines) Write(b []byte) (int, error) {
	for _, c := range b {
		if f.lines > 0 {
			_, _ = os.Stdout.Write([]byte{c})
		}
		if c == '\n' {
			f.lines--
		}
	}
	return len(b), nil
}
