package metric

import (
	"context"
	"fmt"
	"math"

	"stylesprint"
	"stylesprint/embedding"
)

// TokenEmbedder is the part of an embedding client that BERTScore needs.
type TokenEmbedder interface {
	// EmbedTokens returns the vectors of each text's tokens, in order. No text is blank.
	EmbedTokens(ctx context.Context, texts []string) ([]embedding.Tokens, error)
	// Info describes the model.
	Info(ctx context.Context) (embedding.Info, error)
}

// BERTScore is the mean F of Zhang et al. 2020 (https://openreview.net/forum?id=SkeHuCVFDr,
// equations 1 to 3): each token is matched with the token of the other text whose
// vector in the encoder's last layer is nearest by cosine. It is that of the
// bert_score package without idf weights and without rescaling. As there, the
// tokens that stand around a text ([CLS], [SEP]) may be matched but carry no
// weight, and of several references the best precision, recall and F count, each
// by itself. Cosines lie in -1..1; encoders' are rarely below 0, so that scores of
// one encoder spread over the upper part of 0..1 and those of two are not comparable.
// A blank text scores 0, and the model is not asked.
type BERTScore struct {
	mean
	embedder TokenEmbedder
	model    embedding.Info
}

// NewBERTScore asks the embedder what it is, for the signature.
func NewBERTScore(ctx context.Context, e TokenEmbedder) (*BERTScore, error) {
	info, err := e.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("describe the embedding model: %w", err)
	}
	return &BERTScore{mean: mean{describe("bertscore")}, embedder: e, model: info}, nil
}

// Signature names the settings, the model, its weights, precision and longest text.
func (m *BERTScore) Signature(refs int) string {
	return fmt.Sprintf("bertscore:f1|nrefs:%s|refs:max|layer:last|idf:no|rescaled:no|special:matched-without-weight|%s|version:1|%s",
		formatRefs(refs), modelSignature(m.model), aggregateMean)
}

// Measure scores samples; Score is F.
func (m *BERTScore) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	_, out, err := m.Scores(ctx, samples)
	return out, err
}

// bertBlock bounds the texts whose tokens' vectors are held at once.
const bertBlock = 32

// Scores returns each sample's precision, recall and F beside its measurement.
func (m *BERTScore) Scores(ctx context.Context, samples []Sample) ([]PRF, []Measurement, error) {
	if err := needReferences("bertscore", samples); err != nil {
		return nil, nil, err
	}
	scores, out := make([]PRF, len(samples)), make([]Measurement, len(samples))
	for from := 0; from < len(samples); from += bertBlock {
		to := min(from+bertBlock, len(samples))
		if err := m.block(ctx, samples[from:to], scores[from:to], out[from:to]); err != nil {
			return nil, nil, err
		}
	}
	return scores, out, nil
}

func (m *BERTScore) block(ctx context.Context, samples []Sample, scores []PRF, out []Measurement) error {
	index := map[string]int{}
	var texts []string
	see := func(text string) {
		if _, ok := index[text]; !ok && !IsBlank(text) {
			index[text] = len(texts)
			texts = append(texts, text)
		}
	}
	for i := range samples {
		if samples[i].Missing {
			continue
		}
		see(samples[i].Hypothesis)
		for _, r := range samples[i].References {
			see(r)
		}
	}
	all, err := m.embed(ctx, texts)
	if err != nil {
		return err
	}
	tokens := func(text string) *embedding.Tokens {
		if i, ok := index[text]; ok {
			return &all[i]
		}
		return &embedding.Tokens{}
	}
	return scoring("bertscore", parallel(ctx, len(samples), func() *[]float64 { return new([]float64) }, func(buffer *[]float64, i int) {
		s := &samples[i]
		scores[i], out[i] = PRF{}, meanOf(0)
		if !s.Missing {
			scores[i], out[i] = best(tokens(s.Hypothesis), s.References, tokens, buffer)
		}
		out[i].Refs = len(s.References)
	}))
}

// best takes the largest precision, recall and F over the references, each by itself.
func best(h *embedding.Tokens, references []string, tokens func(string) *embedding.Tokens, buffer *[]float64) (PRF, Measurement) {
	top := PRF{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	truncated, count, unknown := h.Truncated, len(h.Special), h.Unknown
	for _, r := range references {
		t := tokens(r)
		truncated = truncated || t.Truncated
		count += len(t.Special)
		unknown += t.Unknown
		s := greedy(h, t, buffer)
		top = PRF{max(top.Precision, s.Precision), max(top.Recall, s.Recall), max(top.F1, s.F1)}
	}
	out := meanOf(top.F1)
	out.Truncated, out.Unknown = truncated, float64(unknown)/float64(max(1, count))
	return top, out
}

// embed returns the texts' tokens with vectors of unit length.
func (m *BERTScore) embed(ctx context.Context, texts []string) ([]embedding.Tokens, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	all, err := m.embedder.EmbedTokens(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("embed the tokens of %d texts: %w", len(texts), err)
	}
	unusable := func(i int) error {
		return &stylesprint.Error{Code: stylesprint.CodeUpstream,
			Message: fmt.Sprintf("the embedding model %s answered text %d with unusable vectors", m.model.Ref, i+1)}
	}
	if len(all) != len(texts) {
		return nil, unusable(min(len(all), len(texts)))
	}
	for i, t := range all {
		if t.Dimensions <= 0 || t.Dimensions != all[0].Dimensions || len(t.Vectors) != t.Dimensions*len(t.Special) || !finite(t.Vectors) {
			return nil, unusable(i)
		}
		for row := t.Vectors; len(row) > 0; row = row[t.Dimensions:] {
			unit(row[:t.Dimensions])
		}
	}
	return all, nil
}

func unit(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
}

// greedy matches the tokens of two texts. A text of none scores 0.
func greedy(h, r *embedding.Tokens, buffer *[]float64) PRF {
	if ordinary(h) == 0 || ordinary(r) == 0 {
		return PRF{}
	}
	d := h.Dimensions
	recall := resize(*buffer, len(r.Special)) // the nearest token of h to each of r
	*buffer = recall
	for j := range recall {
		recall[j] = math.Inf(-1)
	}
	var out PRF
	for i := range h.Special {
		nearest := math.Inf(-1)
		for j := range r.Special {
			c := dot(h.Vectors[i*d:(i+1)*d], r.Vectors[j*d:(j+1)*d])
			nearest = max(nearest, c)
			recall[j] = max(recall[j], c)
		}
		if !h.Special[i] {
			out.Precision += nearest
		}
	}
	for j, c := range recall {
		if !r.Special[j] {
			out.Recall += c
		}
	}
	out.Precision /= float64(ordinary(h))
	out.Recall /= float64(ordinary(r))
	if out.Precision+out.Recall != 0 {
		out.F1 = 2 * out.Precision * out.Recall / (out.Precision + out.Recall)
	}
	return out
}

func ordinary(t *embedding.Tokens) int {
	n := 0
	for _, special := range t.Special {
		if !special {
			n++
		}
	}
	return n
}

// dot sums in four lanes, for speed and for precision.
func dot(a, b []float32) float64 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return float64(s0+s1) + float64(s2+s3)
}

// modelSignature names an embedding model, its weights, precision and longest text.
func modelSignature(info embedding.Info) string {
	weights := "revision:" + signaturePart(orUnknown(info.Ref.Revision))
	if h := info.Ref.SHA256; h != "" {
		weights = "sha256:" + h[:min(16, len(h))]
	}
	length := "unknown"
	if info.MaxTokens > 0 {
		length = fmt.Sprint(info.MaxTokens)
	}
	return fmt.Sprintf("model:%s|%s|precision:%s|max_tokens:%s", signaturePart(info.Ref.String()), weights, orUnknown(string(info.Precision)), length)
}
