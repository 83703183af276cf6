package engine

import (
	"context"
	"path/filepath"
	"testing"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/arch/bert"
	"stylesprint/engine/nn/kernel"
)

// Tolerance of logits and hidden states against transformers, in float32.
const parityTolerance = 1e-3

// logitsInPieces reads tokens in pieces of the given sizes, round and round, and
// returns all logits.
func logitsInPieces(t *testing.T, m *LanguageModel, tokens []int32, sizes ...int) []float32 {
	t.Helper()
	cache, err := nn.NewCache(kernel.PagesOptions{
		Layers: m.model.layers, Heads: m.model.kvHeads, Dim: m.model.headDim, Pages: nn.PagesFor(len(tokens)), Format: m.sched.cache.Pages.Options().Format,
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := cache.Take(nil, cache.Free())
	state := m.model.newState(nn.StateOptions{Rows: len(tokens), Logits: len(tokens)})
	var out []float32
	for past, i := 0, 0; past < len(tokens); i++ {
		n := min(sizes[i%len(sizes)], len(tokens)-past)
		b := nn.Batch{Tokens: tokens[past : past+n], Segments: []kernel.Segment{{Rows: n, Past: past, Pages: pages}}}
		for k := range n {
			b.Positions = append(b.Positions, int32(past+k))
			b.Wanted = append(b.Wanted, int32(k))
		}
		state.Forward(cache.Pages, &b)
		out = append(out, state.Logits(0, n)...)
		past += n
	}
	return out
}

func TestLlamaLogits(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"llama-tied", "llama-untied", "llama-gguf"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := golden(t, name)
			tokens, want := goldenInts(t, g, "tokens"), goldenFloats(t, g, "logits")
			eachLevel(t, func(t *testing.T, cpu string) {
				m := openTiny(t, name, Options{Precision: Exact, CPU: cpu, Threads: 2})
				for _, sizes := range [][]int{{len(tokens)}, {1}, {7, 1, 20}, {33}} {
					if d := maxDifference(logitsInPieces(t, m, tokens, sizes...), want); d > parityTolerance {
						t.Errorf("pieces of %v: logits differ by up to %g from transformers, want at most %g", sizes, d, parityTolerance)
					}
				}
			})
		})
	}
}

// The small models are far more sensitive to rounding than real ones; this
// bound only tells quantised arithmetic from a wrong one.
func TestLlamaFastIsClose(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"llama-tied", "llama-untied", "llama-gguf"} {
		g := golden(t, name)
		tokens, want := goldenInts(t, g, "tokens"), goldenFloats(t, g, "logits")
		eachLevel(t, func(t *testing.T, cpu string) {
			m := openTiny(t, name, Options{Precision: Fast, CPU: cpu, Threads: 2})
			if c := cosine(logitsInPieces(t, m, tokens, 16), want); c < 0.995 {
				t.Errorf("%s: cosine of all logits to transformers is %g, want at least 0.995", name, c)
			}
		})
	}
}

func TestBertHidden(t *testing.T) {
	t.Parallel()
	g := golden(t, "bert")
	var b bert.Batch
	var want []float32
	for _, i := range []string{"0", "1", "2", "3", "4"} {
		tokens := goldenInts(t, g, "tokens."+i)
		b.Tokens = append(b.Tokens, tokens...)
		b.Lengths = append(b.Lengths, len(tokens))
		want = append(want, goldenFloats(t, g, "hidden."+i)...)
	}
	eachLevel(t, func(t *testing.T, cpu string) {
		e, err := OpenEncoder(context.Background(), filepath.Join("testdata", "bert"), Options{CPU: cpu, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if d := maxDifference(e.model.Forward(e.state, b), want); d > parityTolerance {
			t.Errorf("hidden states differ by up to %g from transformers, want at most %g", d, parityTolerance)
		}
	})
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	want := goldenFloats(t, golden(t, "bert"), "embeddings")
	var texts []string
	readTestJSON(t, "bert.texts.json", &texts)
	for _, p := range []struct {
		precision Precision
		least     float64
	}{{Exact, 0.99999}, {Fast, 0.999}} {
		eachLevel(t, func(t *testing.T, cpu string) {
			e, err := OpenEncoder(context.Background(), filepath.Join("testdata", "bert"), Options{Precision: p.precision, CPU: cpu, Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			got, err := e.Embed(context.Background(), texts)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if c := cosine(v.Vector, want[i*48:(i+1)*48]); c < p.least {
					t.Errorf("%s: %q: cosine to sentence-transformers is %g, want at least %g", p.precision, texts[i], c, p.least)
				}
				if long := i == len(texts)-1; v.Truncated != long || v.Tokens > 40 {
					t.Errorf("%q: truncated %v, tokens %d; want %v and at most 40", texts[i], v.Truncated, v.Tokens, long)
				}
			}
		})
	}
}

// BERT behind a Unigram tokenizer, as paraphrase-multilingual-MiniLM-L12-v2 is.
func TestMultilingualEmbeddings(t *testing.T) {
	t.Parallel()
	const least = 0.9999
	g := golden(t, "multilingual")
	want, tokens, unknown := goldenFloats(t, g, "embeddings"), goldenInts(t, g, "tokens"), goldenInts(t, g, "unknown")
	var texts []string
	readTestJSON(t, "multilingual.texts.json", &texts)
	for _, p := range []Precision{Exact, Fast} {
		eachLevel(t, func(t *testing.T, cpu string) {
			e, err := OpenEncoder(context.Background(), filepath.Join("testdata", "multilingual"), Options{Precision: p, CPU: cpu, Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if n := e.Info().ContextTokens; n != 128 {
				t.Errorf("reads %d tokens, want the 128 of sentence_bert_config.json", n)
			}
			got, err := e.Embed(context.Background(), texts)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if c := cosine(v.Vector, want[i*32:(i+1)*32]); c < least {
					t.Errorf("%s: %q: cosine to sentence-transformers is %g, want at least %g", p, texts[i], c, least)
				}
				if v.Tokens != int(tokens[i]) || v.Unknown != int(unknown[i]) || v.Truncated != (i == len(texts)-1) {
					t.Errorf("%q: %d tokens, %d unknown, truncated %v; want %d and %d", texts[i], v.Tokens, v.Unknown, v.Truncated, tokens[i], unknown[i])
				}
			}
		})
	}
}
