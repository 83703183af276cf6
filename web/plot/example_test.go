package plot_test

import (
	"fmt"
	"os"

	"stylesprint/web/plot"
)

func Example() {
	p := plot.Intervals{Title: "brand-voice is closer to the references", Panels: []plot.Panel{{
		Title: "Similarity", Unit: "0–1", Zero: true, Decimals: 3,
		Rows: []plot.Interval{{Label: "brand-voice", Value: .039, Low: .012, High: .071, N: 24}},
	}}}
	fmt.Println(p.Table().Describe())
	if err := plot.Write(os.Stdout, plot.Intervals{Title: "Nothing is compared"}, plot.Options{Width: plot.Narrow}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// brand-voice: figure Similarity (0–1), value +0.039, interval +0.012 to +0.071, n 24.
	// <svg class="plot" viewBox="0 0 320 0" role="img" aria-label="Nothing is compared"><title>Nothing is compared</title><desc></desc></svg>
}
