package diff_test

import (
	"fmt"

	"stylesprint/web/diff"
)

func ExampleWords() {
	r := diff.Words("a linen shirt for warm days", "a light linen shirt for cool days")
	for _, s := range r.B {
		if s.Changed {
			fmt.Printf("[%s]", s.Text)
			continue
		}
		fmt.Print(s.Text)
	}
	fmt.Printf("\n%.2f of the words are shared\n", r.Shared)
	// Output:
	// a [light] linen shirt for [cool] days
	// 0.77 of the words are shared
}
