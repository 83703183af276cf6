package answer_test

import (
	"testing"

	"stylesprint/catalogue/answer"
)

// One question, without encoder and model: what the rules cost.
func BenchmarkAnswer(b *testing.B) {
	a := open(b, answer.Options{})
	for b.Loop() {
		if _, err := a.Answer(b.Context(), answer.Question{SKU: "SS-DR-101", Text: "Does it have pockets?"}); err != nil {
			b.Fatal(err)
		}
	}
}
