package dataset

import (
	"io"
	"strings"
	"testing"
)

// checkDataset says what holds for whatever a reader has accepted.
func checkDataset(t *testing.T, d Dataset, err error) {
	if err != nil {
		return
	}
	seen := map[string]bool{}
	for _, item := range d.Items {
		if item.ID == "" || seen[item.ID] {
			t.Fatalf("id %q is empty or used twice", item.ID)
		}
		seen[item.ID] = true
	}
	var text strings.Builder
	if err := d.WriteJSONL(&text); err != nil {
		t.Fatal(err)
	}
	again, err := ReadJSONL(strings.NewReader(text.String()), Options{File: "again"})
	if err != nil || again.Hash != d.Hash {
		t.Fatalf("round trip: %v, hash %s and %s", err, d.Hash, again.Hash)
	}
}

func FuzzReadJSONL(f *testing.F) {
	f.Add(`{"id":"a","family":"f","split":"test","fields":{"x":1.50,"y":true},"slices":{"c":"d"},"references":["r"]}`)
	f.Add("\ufeff{\"id\":1}\r\n\r\n{\"id\":\"\\ud800\"}")
	f.Add(`{"id":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ReadJSONL(strings.NewReader(text), Options{File: "f"})
		checkDataset(t, d, err)
	})
}

func FuzzReadTables(f *testing.F) {
	f.Add("id,split,reference,x\n1,test,\"a\nb\",y\n")
	f.Add("id\tx\treference 2\n1\t\"\tr\n")
	f.Add("\ufeffid\r\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range []func(io.Reader, Options) (Dataset, error){ReadCSV, ReadTSV} {
			d, err := read(strings.NewReader(text), Options{File: "f", MaxLine: 1 << 16})
			checkDataset(t, d, err)
		}
	})
}

func FuzzReadParallel(f *testing.F) {
	f.Add("a\nb\r\n", "x\n\n")
	f.Fuzz(func(t *testing.T, sources, references string) {
		d, err := ReadParallel(ParallelOptions{Name: "p", Sources: Text{"s", strings.NewReader(sources)}, References: []Text{{"r", strings.NewReader(references)}}})
		checkDataset(t, d, err)
	})
}
