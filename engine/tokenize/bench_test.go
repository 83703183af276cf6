package tokenize_test

import (
	"strings"
	"testing"

	"stylesprint/engine/tokenize"
)

// benchmarkTexts are what the throughput figures are of; tools/peers/tokenizer_speed.py measures the
// reference implementation on the same.
func benchmarkTexts(b *testing.B) map[string]string {
	texts := eachLine[text](b, "texts.jsonl.gz")
	var all strings.Builder
	for _, s := range texts {
		if len(s) < 400 {
			all.WriteString(string(s))
			all.WriteByte('\n')
		}
	}
	prose := "The linen shirt breathes on the warmest afternoons and softens with every wash. We don't say \"timeless\"; " +
		"we say that the seams are taped, the buttons are horn, and the hem can be let down. Was £129.00, now £98.50!\n"
	return map[string]string{
		"sentence": "Cut from 100% organic cotton, this ecru overshirt has a neat collar, two chest pockets and horn buttons.",
		"prose":    strings.Repeat(prose, 64),
		"mixture":  all.String(),
		"chinese":  strings.Repeat("採用百分之百有機棉，剪裁俐落，洗後越穿越柔軟。", 200),
		"longword": strings.Repeat("supercalifragilistic", 2000),
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, name := range []string{"smollm2", "minilm", "xlmr"} {
		tok := load(b, name)
		for kind, s := range benchmarkTexts(b) {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.SetBytes(int64(len(s)))
				b.ReportAllocs()
				for b.Loop() {
					tok.Encode(s, tokenize.Options{AddSpecial: true})
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"smollm2", "minilm"} {
		tok := load(b, name)
		s := benchmarkTexts(b)["prose"]
		ids := tok.Encode(s, tokenize.Options{}).IDs
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				tok.Decode(ids, true)
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	tok := load(b, "smollm2")
	ids := tok.Encode(benchmarkTexts(b)["prose"], tokenize.Options{}).IDs
	s := tokenize.NewStream(tok, true)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Push(ids[i%len(ids)])
		i++
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, name := range []string{"smollm2", "minilm"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				load(b, name)
			}
		})
	}
}
