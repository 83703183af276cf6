package dataset_test

import (
	"fmt"
	"strings"

	"stylesprint/evaluate/dataset"
)

func ExampleReadJSONL() {
	_, err := dataset.ReadJSONL(strings.NewReader(`{"id":"a","refrence":"A navy dress."}`), dataset.Options{File: "items.jsonl"})
	fmt.Println(err)
	// Output: items.jsonl cannot be read as a dataset: items.jsonl, line 1, field refrence: is unknown; variables of the prompt belong in fields
}
