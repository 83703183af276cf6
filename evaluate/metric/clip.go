package metric

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"strconv"

	"stylesprint"
	"stylesprint/engine"
	"stylesprint/engine/picture"
)

// HesselPrefix stands before candidates and references in CLIPScore and
// RefCLIPScore (Hessel et al., EMNLP 2021, section 3).
const HesselPrefix = "A photo depicts "

// hesselWeight is CLIPScore's w.
const hesselWeight = 2.5

// clipScale is what cosines are multiplied by in "clip", "clip-delta" and
// "clip-windows": torchmetrics' CLIPScore, but without its clamp of the mean.
const clipScale = 100

// CLIPOptions are the settings of the CLIP metrics.
type CLIPOptions struct {
	// Prefix stands before every text of clip, clip-delta and clip-windows; usually
	// nothing. clip-s and clip-ref have HesselPrefix.
	Prefix string
	Fit    picture.Fit // crop by default, as CLIP's own processor
}

// CLIPScore compares texts with pictures: the cosine of their vectors in a model of
// the CLIP family (Radford et al., arXiv 2103.00020), in one of these forms:
//
//	clip          100 cos, negative values and all
//	clip-s        2.5 max(cos, 0): Hessel's CLIPScore
//	clip-ref      2ab/(a+b) of clip-s and the largest cosine to a reference text: RefCLIPScore
//	clip-delta    clip of the reference less clip of the text, mean over the references;
//	              negative: the text beats what people wrote
//	clip-windows  mean of clip over the sentences of a text, for copy that is
//	              longer than the model reads
//
// An item without a picture is Absent. A text that is blank or missing is like
// nothing: its cosine is 0. Truncated of clip-delta speaks of the references alone;
// that of the others, of the text. Vectors are cached; see CLIPCache.
type CLIPScore struct {
	mean
	model  *CLIPCache
	images fs.FS
	o      CLIPOptions
}

// NewCLIPScore makes the metric of a name; images is where Sample.Image is found.
func NewCLIPScore(name string, model CLIPModel, images fs.FS, o CLIPOptions) (*CLIPScore, error) {
	info := describe(name)
	if !info.NeedsImages {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "metric", Message: fmt.Sprintf("%q is not a CLIP metric", name)}
	}
	return &CLIPScore{mean: mean{info}, model: NewCLIPCache(model), images: images, o: o}, nil
}

func clipInfos() []Info {
	return []Info{
		{Name: "clip", Title: "CLIP score", Unit: "0-100", Direction: Higher, Width: 2, NeedsImages: true, Truncates: true, Margin: 0.5, Judged: true},
		{Name: "clip-s", Title: "CLIPScore (Hessel)", Unit: "0-2.5", Direction: Higher, Width: 2, NeedsImages: true, Truncates: true, Margin: 0.01},
		{Name: "clip-ref", Title: "RefCLIPScore (Hessel)", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, NeedsImages: true, Truncates: true, Margin: 0.01},
		{Name: "clip-delta", Title: "CLIP delta to the reference", Unit: "0-100", Direction: Lower, Width: 2, NeedsReferences: true, NeedsImages: true, Truncates: true, Margin: 0.5},
		{Name: "clip-windows", Title: "CLIP score by sentences", Unit: "0-100", Direction: Higher, Width: 2, NeedsImages: true, Margin: 0.5},
	}
}

// prefix stands before the metric's texts.
func (m *CLIPScore) prefix() string {
	if m.info.Name == "clip-s" || m.info.Name == "clip-ref" {
		return HesselPrefix
	}
	return m.o.Prefix
}

// Signature names the form, the model with its weights, precision and sizes, and
// how texts and pictures are prepared.
func (m *CLIPScore) Signature(refs int) string {
	form := map[string]string{
		"clip": "scale:100", "clip-s": "scale:2.5|clamp:0", "clip-ref": "scale:2.5|clamp:0|refs:max|join:harmonic",
		"clip-delta": "scale:100|refs:mean", "clip-windows": "scale:100|windows:sentences",
	}[m.info.Name]
	if m.info.NeedsReferences {
		form += "|nrefs:" + formatRefs(refs)
	}
	i := m.model.Info()
	hash := "unknown"
	if i.SHA256 != "" {
		hash = i.SHA256[:min(16, len(i.SHA256))]
	}
	return fmt.Sprintf("%s:cosine|%s|prefix:%s|fit:%s|model:%s|sha256:%s|precision:%s|max_tokens:%d|side:%d|version:1|%s",
		m.info.Name, form, signaturePart(strconv.Quote(m.prefix())), m.o.Fit, signaturePart(orUnknown(i.Name)), hash,
		orUnknown(string(i.Precision)), i.ContextTokens, i.ImageSide, aggregateMean)
}

// Measure encodes every distinct picture and text once.
func (m *CLIPScore) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	out := make([]Measurement, len(samples))
	var which []int
	var names, texts []string
	for i := range samples {
		s := &samples[i]
		if m.info.NeedsReferences && len(s.References) == 0 {
			return nil, noReference(m.info.Name, i)
		}
		out[i].Refs = len(s.References)
		if s.Image == "" {
			out[i].Absent, out[i].Stats = true, make([]float64, m.info.Width)
			continue
		}
		which, names = append(which, i), append(names, s.Image)
		texts = m.addTexts(texts, s)
	}
	if len(which) == 0 {
		return out, nil
	}
	if m.images == nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "images",
			Message: fmt.Sprintf("metric %s: the items have pictures, but no folder of pictures is given", m.info.Name), Hint: "name the folder that the pictures' paths are relative to"}
	}
	images, err := m.model.EncodeImages(ctx, m.images, names, m.o.Fit)
	if err != nil {
		return nil, err
	}
	vectors, err := m.vectors(ctx, texts)
	if err != nil {
		return nil, err
	}
	for k, i := range which {
		refs := out[i].Refs
		out[i] = m.measure(&samples[i], images[k], vectors)
		out[i].Refs = refs
	}
	return out, nil
}

// addTexts adds what the model has to read for a sample.
func (m *CLIPScore) addTexts(texts []string, s *Sample) []string {
	add := func(text string) {
		if !IsBlank(text) {
			texts = append(texts, m.prefix()+text)
		}
	}
	switch {
	case s.Missing:
	case m.info.Name == "clip-windows":
		for _, w := range m.windows(s.Hypothesis) {
			add(w)
		}
	default:
		add(s.Hypothesis)
	}
	if m.info.NeedsReferences {
		for _, r := range s.References {
			add(r)
		}
	}
	return texts
}

// textVectors finds the vector of a text; a blank one has none.
type textVectors map[string]engine.TextVector

func (m *CLIPScore) vectors(ctx context.Context, texts []string) (textVectors, error) {
	answers, err := m.model.EncodeTexts(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make(textVectors, len(texts))
	for i, t := range texts {
		out[t] = answers[i]
	}
	return out, nil
}

// measure scores one sample that has a picture.
func (m *CLIPScore) measure(s *Sample, image []float32, vectors textVectors) Measurement {
	read := func(text string) engine.TextVector { return vectors[m.prefix()+text] }
	var text engine.TextVector
	if !s.Missing {
		text = read(s.Hypothesis)
	}
	cos := cosine(image, text.Vector)
	out := Measurement{Truncated: text.Cut > 0}
	switch m.info.Name {
	case "clip":
		out.Score = clipScale * cos
	case "clip-s":
		out.Score = hesselWeight * max(cos, 0)
	case "clip-ref":
		best := math.Inf(-1)
		for _, r := range s.References {
			best = max(best, cosine(text.Vector, read(r).Vector))
		}
		out.Score = harmonic(hesselWeight*max(cos, 0), best)
	case "clip-delta":
		out.Truncated = false
		for _, r := range s.References {
			v := read(r)
			out.Score += clipScale * (cosine(image, v.Vector) - cos) / float64(len(s.References))
			out.Truncated = out.Truncated || v.Cut > 0
		}
	case "clip-windows":
		out.Truncated = false
		if !s.Missing {
			out.Score = m.windowScores(s.Hypothesis, image, vectors).Mean
		}
	}
	out.Stats = []float64{out.Score, 1}
	return out
}

// harmonic is the harmonic mean as Hessel's code computes it, 2ab/(a+b); 0 where that is undefined.
func harmonic(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}
