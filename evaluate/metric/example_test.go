package metric_test

import (
	"context"
	"fmt"

	"stylesprint/evaluate/metric"
)

func Example() {
	bleu, err := metric.NewBLEU(metric.BLEUOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	samples := []metric.Sample{
		{Hypothesis: "The dog bit the man.", References: []string{"The dog bit the man.", "The dog had bit the man."}},
		{Hypothesis: "It wasn't surprising.", References: []string{"It was not unexpected.", "No one was surprised."}},
		{Hypothesis: "The man had just bitten him.", References: []string{"The man bit him first.", "The man had bitten the dog."}},
	}
	report, err := bleu.Report(context.Background(), metric.SamplesOf(samples), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f %s\n", report.Score, report.Signature)
	// Output: 48.5308 nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0
}
