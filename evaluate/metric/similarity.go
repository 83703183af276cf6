package metric

import (
	"context"
	"fmt"
	"math"

	"stylesprint"
	"stylesprint/embedding"
)

// Embedder is the part of an embedding client that Similarity needs.
type Embedder interface {
	// Embed returns one vector for each text, in order. No text is blank.
	Embed(ctx context.Context, texts []string) ([]embedding.Vector, error)
	// Info describes the model.
	Info(ctx context.Context) (embedding.Info, error)
}

// Similarity is the cosine of a text's embedding and its reference's; of
// several references the nearest counts. It lies in -1..1 and in practice in
// 0..1. A blank text is like nothing: it scores 0, and the model is not asked.
type Similarity struct {
	mean
	embedder Embedder
	model    embedding.Info
}

// NewSimilarity asks the embedder what it is, for the signature.
func NewSimilarity(ctx context.Context, e Embedder) (*Similarity, error) {
	info, err := e.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("describe the embedding model: %w", err)
	}
	return &Similarity{mean: mean{describe("similarity")}, embedder: e, model: info}, nil
}

// Signature names the model, its weights, precision and longest text.
func (m *Similarity) Signature(refs int) string {
	return fmt.Sprintf("similarity:cosine|nrefs:%s|refs:max|%s|version:1|%s", formatRefs(refs), modelSignature(m.model), aggregateMean)
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// Measure embeds every distinct text once.
func (m *Similarity) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	index := map[string]int{}
	var texts []string
	number := func(text string) int {
		if IsBlank(text) {
			return -1
		}
		i, ok := index[text]
		if !ok {
			i = len(texts)
			index[text] = i
			texts = append(texts, text)
		}
		return i
	}
	for i := range samples {
		s := &samples[i]
		if len(s.References) == 0 {
			return nil, noReference("similarity", i)
		}
		if s.Missing {
			continue
		}
		number(s.Hypothesis)
		for _, r := range s.References {
			number(r)
		}
	}
	vectors, err := m.embed(ctx, texts)
	if err != nil {
		return nil, err
	}
	vector := func(text string) embedding.Vector {
		if i := number(text); i >= 0 {
			return vectors[i]
		}
		return embedding.Vector{}
	}
	out := make([]Measurement, len(samples))
	for i := range samples {
		s := &samples[i]
		if s.Missing {
			out[i] = meanOf(0)
		} else {
			out[i] = nearest(vector(s.Hypothesis), s.References, vector)
		}
		out[i].Refs = len(s.References)
	}
	return out, nil
}

func nearest(h embedding.Vector, references []string, vector func(string) embedding.Vector) Measurement {
	best, truncated := math.Inf(-1), h.Truncated
	tokens, unknown := h.Tokens, h.Unknown
	for _, r := range references {
		v := vector(r)
		truncated = truncated || v.Truncated
		tokens += v.Tokens
		unknown += v.Unknown
		best = max(best, cosine(h.Values, v.Values))
	}
	out := meanOf(best)
	out.Truncated = truncated
	out.Unknown = float64(unknown) / float64(max(1, tokens))
	return out
}

func (m *Similarity) embed(ctx context.Context, texts []string) ([]embedding.Vector, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	vectors, err := m.embedder.Embed(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("embed %d texts: %w", len(texts), err)
	}
	if len(vectors) != len(texts) {
		return nil, &stylesprint.Error{Code: stylesprint.CodeUpstream,
			Message: fmt.Sprintf("the embedding model %s answered %d texts with %d vectors", m.model.Ref, len(texts), len(vectors))}
	}
	for i, v := range vectors {
		if len(v.Values) == 0 || len(v.Values) != len(vectors[0].Values) || !finite(v.Values) {
			return nil, &stylesprint.Error{Code: stylesprint.CodeUpstream,
				Message: fmt.Sprintf("the embedding model %s answered text %d with an unusable vector", m.model.Ref, i+1)}
		}
	}
	return vectors, nil
}

func finite(values []float32) bool {
	for _, v := range values {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
	}
	return true
}

// cosine divides by the lengths even though drivers promise unit vectors: a
// rounding error of theirs shall not show. A zero vector is like nothing.
func cosine(a, b []float32) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	var dot, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return max(-1, min(1, dot/math.Sqrt(aa*bb)))
}

// SimilarityReport is what `score similarity --json` prints.
type SimilarityReport struct {
	Mean      float64   `json:"mean"`
	Pairs     []float64 `json:"pairs"`     // in the order of the samples
	Truncated int       `json:"truncated"` // pairs of which the model did not read a text to its end
	Signature string    `json:"signature"`
}

// Report scores samples one block after the other.
func (m *Similarity) Report(ctx context.Context, samples Samples) (SimilarityReport, error) {
	out := SimilarityReport{Pairs: []float64{}}
	var sum [2]float64
	refs := newRefCount()
	err := samples.blocks(similarityBlock, func(_ int, block []Sample) error {
		ms, err := m.Measure(ctx, block)
		if err != nil {
			return err
		}
		for _, x := range ms {
			out.Pairs = append(out.Pairs, x.Score)
			sum[0] += x.Stats[0]
			sum[1] += x.Stats[1]
			refs.see(x.Refs)
			if x.Truncated {
				out.Truncated++
			}
		}
		return nil
	})
	if err != nil {
		return SimilarityReport{}, err
	}
	if len(out.Pairs) == 0 {
		return SimilarityReport{}, nothingToScore()
	}
	out.Mean = m.Value(sum[:])
	out.Signature = m.Signature(refs.value())
	return out, nil
}

// similarityBlock bounds the vectors that are held at once.
const similarityBlock = 512
