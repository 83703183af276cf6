package metric

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/faithfulness"
)

// Options are the settings of the metrics that New makes.
type Options struct {
	BLEU     BLEUOptions
	Embedder Embedder // for similarity; nil: there is none
	// TokenEmbedder is for bertscore; nil: there is none.
	TokenEmbedder TokenEmbedder
	Images        fs.FS // where Sample.Image is found; nil: there are no pictures
	// Faithfulness holds texts against records; nil: by the embedded rules.
	Faithfulness *faithfulness.Checker
	// CLIP is for the metrics that compare texts with pictures; nil: there is none. Metrics
	// that are given the same *CLIPCache encode each picture and text once.
	CLIP        CLIPModel
	CLIPOptions CLIPOptions
}

// Infos describes every metric that New makes, in the order in which they are shown.
func Infos() []Info {
	infos := []Info{
		{Name: "bleu", Title: "BLEU", Unit: "0-100", Direction: Higher, Width: statsWidth, NeedsReferences: true, Margin: 1, Judged: true},
		{Name: "bleu-mean", Title: "BLEU (item mean)", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "bleu-zh", Title: "BLEU (Chinese tokenizer)", Unit: "0-100", Direction: Higher, Width: statsWidth, NeedsReferences: true, Margin: 1, Judged: true},
		{Name: "chrf", Title: "chrF2", Unit: "0-100", Direction: Higher, Width: 18, NeedsReferences: true, Margin: 1},
		{Name: "chrf++", Title: "chrF2++", Unit: "0-100", Direction: Higher, Width: 24, NeedsReferences: true, Margin: 1},
		{Name: "ter", Title: "TER", Unit: "0-100", Direction: Lower, Width: 2, NeedsReferences: true, Margin: 1},
		{Name: "rouge-1", Title: "ROUGE-1", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "rouge-2", Title: "ROUGE-2", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "rouge-l", Title: "ROUGE-L", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "rouge-lsum", Title: "ROUGE-Lsum", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "bleu-nltk-method0", Title: "BLEU (NLTK mean, no smoothing)", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "bleu-nltk-method1", Title: "BLEU (NLTK mean, method 1)", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "bleu-nltk-method2", Title: "BLEU (NLTK mean, method 2)", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "bleu-nltk-method3", Title: "BLEU (NLTK mean, method 3)", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Margin: 0.01},
		{Name: "bleu-hf-evaluate", Title: "BLEU (Hugging Face evaluate)", Unit: "0-1", Direction: Higher, Width: statsWidth, NeedsReferences: true, Margin: 0.01},
		{Name: "similarity", Title: "Semantic similarity", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Truncates: true, Margin: 0.02, Judged: true},
		{Name: "bertscore", Title: "BERTScore F1", Unit: "0-1", Direction: Higher, Width: 2, NeedsReferences: true, Truncates: true, Margin: 0.01},
		{Name: "distinct-1", Title: "Distinct-1", Unit: "0-1", Direction: Higher, Width: 2, WholeCorpus: true, Margin: 0.02},
		{Name: "distinct-2", Title: "Distinct-2", Unit: "0-1", Direction: Higher, Width: 2, WholeCorpus: true, Margin: 0.02},
		{Name: "distinct-3", Title: "Distinct-3", Unit: "0-1", Direction: Higher, Width: 2, WholeCorpus: true, Margin: 0.02},
		{Name: "self-bleu", Title: "Self-BLEU", Unit: "0-100", Direction: Lower, Width: 2, WholeCorpus: true, Margin: 2},
		{Name: "boilerplate", Title: "Boilerplate share", Unit: "0-1", Direction: Lower, Width: 2, WholeCorpus: true, Margin: 0.02},
		{Name: "flesch", Title: "Flesch reading ease", Unit: "points", Direction: None, Width: 3, EnglishOnly: true},
		{Name: "flesch-kincaid", Title: "Flesch-Kincaid grade", Unit: "grade", Direction: None, Width: 3, EnglishOnly: true},
		{Name: "sentence-length", Title: "Sentence length", Unit: "words", Direction: None, Width: 3, EnglishOnly: true},
		{Name: "length", Title: "Length", Unit: string(Words), Direction: None, Width: 2},
		{Name: "length-characters", Title: "Length in characters", Unit: string(Characters), Direction: None, Width: 2},
	}
	return slices.Concat(infos, clipInfos(), faithfulnessInfos())
}

// Describe finds a metric's description by its name.
func Describe(name string) (Info, bool) {
	for _, info := range Infos() {
		if info.Name == name {
			return info, true
		}
	}
	return Info{}, false
}

func describe(name string) Info {
	info, _ := Describe(name)
	return info
}

// Names lists the names of Infos.
func Names() []string {
	infos := Infos()
	names := make([]string, len(infos))
	for i := range infos {
		names[i] = infos[i].Name
	}
	return names
}

// New makes a metric by its name.
func New(ctx context.Context, name string, o Options) (Metric, error) {
	switch name {
	case "bleu":
		return NewBLEU(o.BLEU)
	case "bleu-mean":
		return NewBLEUMean(o.BLEU)
	case "bleu-zh":
		return NewChineseBLEU(o.BLEU)
	case "chrf":
		return NewCHRF(CHRFOptions{})
	case "chrf++":
		return NewCHRF(CHRFOptions{WordOrder: 2})
	case "ter":
		return NewTER(TEROptions{})
	case "rouge-1":
		return NewROUGE(ROUGEOptions{Variant: ROUGE1})
	case "rouge-2":
		return NewROUGE(ROUGEOptions{Variant: ROUGE2})
	case "rouge-l":
		return NewROUGE(ROUGEOptions{Variant: ROUGEL})
	case "rouge-lsum":
		return NewROUGE(ROUGEOptions{Variant: ROUGELsum})
	case "bleu-nltk-method0", "bleu-nltk-method1", "bleu-nltk-method2", "bleu-nltk-method3", "bleu-hf-evaluate":
		return NewPreset(strings.TrimPrefix(name, "bleu-"))
	case "similarity":
		if o.Embedder == nil {
			return nil, needsEmbedding(name)
		}
		return NewSimilarity(ctx, o.Embedder)
	case "bertscore":
		if o.TokenEmbedder == nil {
			return nil, needsEmbedding(name)
		}
		return NewBERTScore(ctx, o.TokenEmbedder)
	case "distinct-1", "distinct-2", "distinct-3":
		return NewDistinct(int(name[len(name)-1] - '0'))
	case "self-bleu":
		return NewSelfBLEU()
	case "boilerplate":
		return NewBoilerplate()
	case "flesch", "flesch-kincaid", "sentence-length":
		return NewReadability(ReadabilityFormula(name))
	case "length":
		return NewLength(Words)
	case "length-characters":
		return NewLength(Characters)
	case "faithfulness", "faithfulness-precision", "faithfulness-recall", "contradictions", "unsupported-claims", "hard-violations":
		return NewFaithfulness(name, o.Faithfulness)
	case "clip", "clip-s", "clip-ref", "clip-delta", "clip-windows":
		if o.CLIP == nil {
			return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "metric",
				Message: "metric " + name + " needs an image-text model", Hint: "name one of the CLIP family: stylesprint models list"}
		}
		return NewCLIPScore(name, o.CLIP, o.Images, o.CLIPOptions)
	}
	return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "metric",
		Message: fmt.Sprintf("unknown metric %q", name), Hint: "use one of " + strings.Join(Names(), ", ")}
}

// NeedsEmbedding says that New makes the metric only with an embedding model.
func NeedsEmbedding(name string) bool { return name == "similarity" || name == "bertscore" }

func needsEmbedding(name string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "metric",
		Message: fmt.Sprintf("metric %s needs an embedding model", name), Hint: "name one with --embedding"}
}

// Default makes the metrics of an evaluation: BLEU of the corpus, its mean over
// items, similarity where there is an embedder, length, and CLIP with its delta where
// there are pictures and a model for them.
func Default(ctx context.Context, o Options) ([]Metric, error) {
	var out []Metric
	if o.CLIP != nil {
		o.CLIP = NewCLIPCache(o.CLIP)
	}
	for _, name := range []string{"bleu", "bleu-mean", "similarity", "length", "clip", "clip-delta"} {
		if name == "similarity" && o.Embedder == nil || describe(name).NeedsImages && (o.CLIP == nil || o.Images == nil) {
			continue
		}
		m, err := New(ctx, name, o)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}
