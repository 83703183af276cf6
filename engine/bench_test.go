package engine

import (
	"context"
	"strings"
	"sync"
	"testing"
)

// prose is a text of at least n tokens.
func prose(m *LanguageModel, n int) string {
	var b strings.Builder
	for b.Len() < 8*n {
		b.WriteString("The linen shirt breathes on the warmest afternoons and softens with every wash. ")
	}
	text := b.String()
	for m.CountTokens(text) > n {
		text = text[:strings.LastIndexByte(text, ' ')]
	}
	return text
}

func benchmarkPrefill(b *testing.B, tokens int) {
	for _, p := range []Precision{Fast, Exact} {
		b.Run(string(p), func(b *testing.B) {
			m := openReal(b, Options{Precision: p, PrefixTokens: -1})
			r := Request{Prompt: prose(m, tokens), MaxTokens: 1}
			n := 0
			for b.Loop() {
				got, err := m.Generate(context.Background(), r, nil)
				if err != nil {
					b.Fatal(err)
				}
				n += got.PromptTokens
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

func BenchmarkPrefill512(b *testing.B) { benchmarkPrefill(b, 512) }

// BenchmarkFirstToken60 times a prompt of 60 tokens up to the first of the answer.
func BenchmarkFirstToken60(b *testing.B) { benchmarkPrefill(b, 60) }

func benchmarkDecode(b *testing.B, streams, tokens int, s Sampling) {
	for _, p := range []Precision{Fast, Exact} {
		b.Run(string(p), func(b *testing.B) {
			m := openReal(b, Options{Precision: p})
			never := *m.words
			never.ends = nil
			m.words = &never
			decode := 0.0
			n := 0
			for b.Loop() {
				var wg sync.WaitGroup
				var mu sync.Mutex
				slowest := 0.0
				for range streams {
					wg.Go(func() {
						r, err := m.Generate(context.Background(), Request{Prompt: "Once upon a time there was a tailor", MaxTokens: tokens, Sampling: s}, nil)
						if err != nil {
							b.Error(err)
							return
						}
						mu.Lock()
						n += r.CompletionTokens - 1
						slowest = max(slowest, r.Decode.Seconds())
						mu.Unlock()
					})
				}
				wg.Wait()
				decode += slowest
			}
			b.ReportMetric(float64(n)/decode, "tokens/s")
		})
	}
}

func BenchmarkDecode1(b *testing.B) { benchmarkDecode(b, 1, 128, Sampling{}) }

func BenchmarkDecode8(b *testing.B) { benchmarkDecode(b, 8, 128, Sampling{}) }

func BenchmarkDecode8Sampled(b *testing.B) {
	benchmarkDecode(b, 8, 128, Sampling{Temperature: 1, TopP: 0.95, RepetitionPenalty: 1.1})
}

// BenchmarkDecode8Long ends with 512 tokens a stream in the cache.
func BenchmarkDecode8Long(b *testing.B) { benchmarkDecode(b, 8, 500, Sampling{}) }

func BenchmarkEmbed(b *testing.B) {
	var texts []string
	readTestJSON(b, "minilm.texts.json", &texts)
	sentences := texts[:0:0]
	for _, t := range texts { // single product sentences
		if len(t) > 40 && len(t) < 160 {
			sentences = append(sentences, t)
		}
	}
	for _, p := range []Precision{Fast, Exact} {
		b.Run(string(p), func(b *testing.B) {
			e := openRealEncoder(b, Options{Precision: p})
			tokens := 0
			for b.Loop() {
				v, err := e.Embed(context.Background(), sentences)
				if err != nil {
					b.Fatal(err)
				}
				for _, x := range v {
					tokens += x.Tokens
				}
			}
			b.ReportMetric(float64(b.N*len(sentences))/b.Elapsed().Seconds(), "sentences/s")
			b.ReportMetric(float64(tokens)/float64(b.N*len(sentences)), "tokens/sentence")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, p := range []Precision{Fast, Exact} {
		b.Run(string(p), func(b *testing.B) {
			path := realModel(b, "smollm2-135m-instruct")
			for b.Loop() {
				m, err := OpenLanguageModel(context.Background(), path, Options{Precision: p})
				if err != nil {
					b.Fatal(err)
				}
				m.Close()
			}
		})
	}
}
