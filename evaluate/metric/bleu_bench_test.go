package metric

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchSamples are product descriptions of about sixty words and their references.
func benchSamples(n int) []Sample {
	rng := rand.New(rand.NewPCG(12345, 0))
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	text := func(id int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "Meet the %s %s in %s, style no. %d. ", pick("navy", "off-white", "sage green", "bordeaux"), pick("shirt", "coat", "dress", "blazer"), pick("organic cotton", "70% wool, 30% cashmere", "100 % linen"), id)
		for range 5 {
			b.WriteString(pick("It has a relaxed fit that’s easy to layer, ", "Finished with mother-of-pearl buttons and hand-sewn hems, ", "Soft, light and breathable on warm days, "))
			b.WriteString(pick("made to last — season after season. ", "with two patch pockets at the front. ", "and it comes in sizes XS–XL. "))
		}
		b.WriteString(pick("Machine wash at 30 °C.", "Dry clean only.") + " Now €79.95.")
		return b.String()
	}
	out := make([]Sample, n)
	for i := range out {
		out[i] = Sample{Hypothesis: text(i), References: []string{text(i)}}
	}
	return out
}

func BenchmarkBLEU(b *testing.B) {
	samples := benchSamples(20000)
	words := 0
	for _, s := range samples {
		words += len(strings.Fields(s.Hypothesis))
	}
	for _, tok := range Tokenizers() {
		b.Run(string(tok), func(b *testing.B) {
			m := mustBLEU(b, BLEUOptions{Tokenizer: tok})
			for b.Loop() {
				if _, err := m.AllStats(b.Context(), samples); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(samples))*float64(b.N)/b.Elapsed().Seconds(), "segments/s")
			b.ReportMetric(float64(words)/float64(len(samples)), "words/segment")
		})
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	b := mustBLEU(t, BLEUOptions{})
	c := newCounter()
	s := benchSamples(1)[0]
	b.count(c, &s)
	if n := testing.AllocsPerRun(20, func() { b.count(c, &s) }); n > 0 {
		t.Errorf("%v allocations per sample", n)
	}
}

func BenchmarkCHRF(b *testing.B)         { benchMetric(b, "chrf", 20000) }
func BenchmarkCHRFPlusPlus(b *testing.B) { benchMetric(b, "chrf++", 20000) }
func BenchmarkTER(b *testing.B)          { benchMetric(b, "ter", 2000) }

func benchMetric(b *testing.B, name string, n int) {
	m, err := New(b.Context(), name, Options{})
	if err != nil {
		b.Fatal(err)
	}
	samples := benchSamples(n)
	for b.Loop() {
		if _, err := m.Measure(b.Context(), samples); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "segments/s")
}
