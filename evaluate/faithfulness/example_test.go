package faithfulness_test

import (
	"fmt"

	"stylesprint/evaluate/faithfulness"
)

func Example() {
	rules, err := faithfulness.Embedded()
	if err != nil {
		fmt.Println(err)
		return
	}
	checker := rules.Compile()
	record, absent := checker.Record(map[string]string{"name": "Mira Dress", "category": "Dresses", "colour": "sage green", "material": "55% linen, 45% viscose"})
	if absent != "" {
		fmt.Println(absent)
		return
	}
	for _, f := range checker.Check(record, "A navy dress in 100 % silk, and waterproof too.") {
		fmt.Println(f)
	}
	// Output:
	// contradiction colour "navy" (record: sage green)
	// supported category "dress" (record: Dresses)
	// contradiction material "100 % silk" (record: 55% linen, 45% viscose)
	// unsupported claim "waterproof" (record: nothing)
	// omission colour (record: sage green)
	// omission material (record: 55% linen, 45% viscose)
}
