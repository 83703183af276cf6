package classification_test

import (
	"context"
	"fmt"
	"strings"

	"stylesprint/evaluate/classification"
)

func Example() {
	d, err := classification.Read(classification.Files{
		Labels:      classification.Source{Name: "true.txt", Reader: strings.NewReader("yes\nyes\nno\nno\n")},
		Predictions: classification.Source{Name: "predicted.txt", Reader: strings.NewReader("yes\nno\nno\nno\n")},
		Scores:      &classification.Source{Name: "scores.txt", Reader: strings.NewReader("0.9\n0.4\n0.4\n0.1\n")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := classification.Evaluate(context.Background(), d, classification.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"precision", "recall", "roc_auc"} {
		h, _ := r.Headline(name)
		fmt.Printf("%s %.3f\n", h.Title, h.Value)
	}
	// Output:
	// Precision 1.000
	// Recall 0.500
	// ROC-AUC 0.875
}
