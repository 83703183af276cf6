package faithfulness

import (
	"fmt"
	"os"
	"stylesprint/evaluate/dataset"
	"testing"
)

func TestSmoke(t *testing.T) {
	r, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c := r.Compile()
	t.Log(len(c.terms), len(c.vocab), r.Hash())
	d, err := dataset.Open("testdata/records.jsonl", dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	recs := map[string]map[string]string{}
	for _, it := range d.Items {
		recs[it.ID] = it.Fields
	}
	f, _ := os.Open("testdata/labelled.jsonl")
	ls, err := ReadLabelled(f, "l")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{Development, HeldOut} {
		m, err := c.Measure(ls, s, recs)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(s, m.Sentences, m.Labels, m.Overall)
		for _, k := range m.Kinds {
			fmt.Printf("  %-14s P %.3f R %.3f F %.3f MCC %.3f  tp %d fp %d fn %d\n", k.Kind, k.Precision, k.Recall, k.F1, k.MCC, k.TP, k.FP, k.FN)
		}
		if s == Development || os.Getenv("HELD") != "" {
			for _, k := range m.Both {
				fmt.Printf("  %-14s %-8s P %.3f R %.3f  tp %d fp %d fn %d\n", k.Kind, k.Field, k.Precision, k.Recall, k.TP, k.FP, k.FN)
			}
		}
		if s == Development {
			for _, w := range m.Wrong {
				if w.Finding != nil {
					fmt.Printf("+ %s %q || %s %s %q\n", w.ID, w.Text, w.Finding.Kind, w.Finding.Field, w.Finding.Text)
				} else {
					fmt.Printf("- %s %q || %s %s %q\n", w.ID, w.Text, w.Label.Kind, w.Label.Field, w.Label.Text)
				}
			}
		}
	}
}
