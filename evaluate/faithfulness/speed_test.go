package faithfulness

import (
	"strings"
	"testing"

	"stylesprint/catalogue/demo"
)

// demoTexts are the demo catalogue's descriptions with the record of each.
func demoTexts(tb testing.TB, c *Checker) (texts []string, records []*Record, fields []map[string]string) {
	tb.Helper()
	products, err := demo.Products()
	if err != nil {
		tb.Fatal(err)
	}
	for _, p := range products {
		rec, absent := c.Record(p.Fields())
		if absent != "" {
			continue
		}
		for _, d := range p.Descriptions {
			texts, records, fields = append(texts, d), append(records, rec), append(fields, p.Fields())
		}
	}
	return texts, records, fields
}

func BenchmarkCheck(b *testing.B) {
	c := compiled(b)
	texts, records, _ := demoTexts(b, c)
	var found []Finding
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		found = c.Append(found[:0], records[i%len(texts)], texts[i%len(texts)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
}

// BenchmarkRecordAndCheck is what the metrics do: a record for every text.
func BenchmarkRecordAndCheck(b *testing.B) {
	c := compiled(b)
	texts, _, fields := demoTexts(b, c)
	var found []Finding
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rec, _ := c.Record(fields[i%len(texts)])
		found = c.Append(found[:0], rec, texts[i%len(texts)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		compiled(b)
	}
}

// Checking allocates nothing once the slice of findings is large enough.
func TestCheckAllocatesNothing(t *testing.T) {
	if poolsDrop {
		t.Skip("the race detector empties pools at random")
	}
	c := compiled(t)
	texts, records, _ := demoTexts(t, c)
	found := make([]Finding, 0, 64)
	for i := range texts { // grow the reading's buffers
		found = c.Append(found[:0], records[i], texts[i])
	}
	i := 0
	n := testing.AllocsPerRun(200, func() {
		found = c.Append(found[:0], records[i%len(texts)], texts[i%len(texts)])
		i++
	})
	if n >= 1 { // the pool may be emptied by a collection, which costs a fraction on average
		t.Errorf("checking a text allocates %v times", n)
	}
}

func compiled(tb testing.TB) *Checker {
	tb.Helper()
	r, err := Embedded()
	if err != nil {
		tb.Fatal(err)
	}
	return r.Compile()
}

// BenchmarkLongText has no full stop: the work must grow with the length, not with
// its square, so that time per byte is that of short texts.
func BenchmarkLongText(b *testing.B) {
	c := compiled(b)
	rec, _ := c.Record(facts())
	for _, unit := range []string{"in stock 30 degrees ", "S, M, L ", "red and "} {
		text := strings.Repeat(unit, 100_000/len(unit))
		b.Run(strings.TrimSpace(unit), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				c.Check(rec, text)
			}
		})
	}
}
