// Package metric scores texts against references: one metric a file, each with
// a signature that holds every setting that changes its numbers.
//
// Key words: sample, measurement, statistics, signature.
//
// A Metric measures samples. A measurement holds the sample's own score and its
// statistics, a short vector that adds up: the score of a corpus is the Value
// of the sum. Resampling a corpus is therefore adding vectors, and a corpus of
// any size can be scored in pieces. Mean-like metrics have the statistics
// [score, 1]; BLEU has lengths and n-gram counts. The usual path is
//
//	ms, err := m.Measure(ctx, samples)
//	value := m.Value(metric.Sum(m, ms))
//
// Scores with unequal signatures must not be compared. Errors are
// *stylesprint.Error values or wrapped with the failed act. Metrics are safe
// for concurrent use.
package metric

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"stylesprint"
)

// Sample is one text to be scored, with its references.
type Sample struct {
	Hypothesis string
	References []string
	// Missing says that there is no text at all, because its call failed. It
	// scores as an empty one, and no model is asked about it.
	Missing bool
	// Fields are the item's facts ("colour", "material"), for metrics that hold a
	// text against them; the keys are those of catalogue.Product.Fields.
	Fields map[string]string
	// Language is the item's, such as "en" or "zh-Hant"; empty: not known.
	Language string
	// Image names the item's picture in Options.Images; empty: it has none.
	Image string
}

// Measurement is what a metric finds out about one sample.
type Measurement struct {
	Score float64   // of this sample alone, in the metric's unit
	Stats []float64 // Info.Width numbers that add up over samples
	Refs  int       // references that were used
	// Truncated says that a model behind the metric did not read the whole text.
	Truncated bool
	// Unknown is the share, 0..1, of the tokens of this sample's texts that a model
	// behind the metric does not know.
	Unknown float64
	// Absent says that the item lacks what the metric needs (a picture, facts): it
	// has no score and is left out of the corpus's. It depends on the item
	// alone, so that the same items are left out for every candidate.
	Absent bool
}

// Direction says which way a metric is better.
type Direction string

// The directions. None is for figures that are shown but not judged, such as length.
const (
	Higher Direction = "higher"
	Lower  Direction = "lower"
	None   Direction = "none"
)

// Info describes a metric.
type Info struct {
	Name      string // key of scores: "bleu"
	Title     string // for people: "BLEU"
	Unit      string // "0-100", "0-1", "words"
	Direction Direction
	Width     int // length of Measurement.Stats
	// NeedsReferences says that a sample without references cannot be measured.
	NeedsReferences bool
	// NeedsFields and NeedsImages say that samples without facts, or without a
	// picture, come back Absent.
	NeedsFields, NeedsImages bool
	// EnglishOnly says that samples in other languages come back Absent.
	EnglishOnly bool
	// WholeCorpus says that a sample's measurement depends on the others of the same
	// call: callers pass all outputs of a run at once.
	WholeCorpus bool
	// Rate says that the score is a share of the samples, each with 0 or 1. A rate of
	// none or all of them gets its exact bound instead of an interval of no width.
	Rate bool
	// Truncates says that Measurement.Truncated means something.
	Truncates bool
	// Margin is the usual size of a loss that does not matter, in Unit; zero
	// where Direction is None.
	Margin float64
	// Judged says that decisions rest on the metric unless others are asked for: one
	// metric for each question (wording, meaning, picture, facts). The rest would
	// say the same thing twice, and is shown with its differences.
	Judged bool
}

// MayBeAbsent says that some samples may come back Absent.
func (i Info) MayBeAbsent() bool { return i.NeedsFields || i.NeedsImages || i.EnglishOnly }

// VaryingReferences stands for a number of references that differs between samples.
const VaryingReferences = -1

// Metric measures texts.
type Metric interface {
	// Info describes the metric; it never changes.
	Info() Info
	// Signature holds every setting that changes the number. refs is the number
	// of references of each sample, or VaryingReferences.
	Signature(refs int) string
	// Measure returns one measurement for each sample, in order. A sample
	// without references is an error where the metric needs one.
	Measure(ctx context.Context, samples []Sample) ([]Measurement, error)
	// Value is the corpus's score from the sum of its statistics.
	Value(sum []float64) float64
}

// Rebuild makes the metric that a stored score was computed with from its name
// and signature, without any model. It serves metrics whose statistics can be
// had again from the texts; ok is false for the others, whose stored item
// scores are their statistics when IsMean says so.
func Rebuild(name, signature string) (m Metric, ok bool) {
	switch name {
	case "bleu", "bleu-zh":
		b, err := BLEUFromSignature(signature)
		if err == nil {
			b.name = name
		}
		return b, err == nil
	case "faithfulness", "faithfulness-precision", "faithfulness-recall", "contradictions", "unsupported-claims", "hard-violations":
		f, err := FaithfulnessFromSignature(name, signature)
		return f, err == nil
	case "chrf", "chrf++":
		m, err := CHRFFromSignature(signature)
		return m, err == nil && m.Info().Name == name
	case "distinct-1", "distinct-2", "distinct-3", "self-bleu", "boilerplate", "flesch", "flesch-kincaid", "sentence-length":
		m, err := New(context.Background(), name, Options{}) // they have no settings
		return m, err == nil && m.Signature(0) == signature
	case "bleu-hf-evaluate":
		return &HFBLEU{}, strings.HasPrefix(signature, "hf-evaluate-bleu|") && strings.HasSuffix(signature, "|"+hfBLEUSettings)
	case "ter":
		m, err := TERFromSignature(signature)
		return m, err == nil
	}
	return nil, false
}

// aggregateMean is the part of a signature that says that the corpus's score is
// the mean of its items' scores.
const aggregateMean = "agg:mean"

// IsMean says that a score with this signature is the mean of its items' scores.
func IsMean(signature string) bool {
	for part := range strings.SplitSeq(signature, "|") {
		if part == aggregateMean {
			return true
		}
	}
	return false
}

// Sum adds up the statistics of measurements.
func Sum(m Metric, ms []Measurement) []float64 {
	sum := make([]float64, m.Info().Width)
	for i := range ms {
		for j, v := range ms[i].Stats {
			sum[j] += v
		}
	}
	return sum
}

// References is the number of references of measurements as Signature wants
// it: the same for all, or VaryingReferences.
func References(ms []Measurement) int {
	refs := 0
	for i := range ms {
		if i > 0 && ms[i].Refs != refs {
			return VaryingReferences
		}
		refs = ms[i].Refs
	}
	return refs
}

// mean is the part that metrics whose corpus score is a mean have in common.
type mean struct{ info Info }

func (m mean) Info() Info { return m.info }

// Value divides the sum of scores by their number; an empty corpus scores 0.
func (m mean) Value(sum []float64) float64 {
	if len(sum) < 2 || sum[1] == 0 {
		return 0
	}
	return sum[0] / sum[1]
}

func formatRefs(refs int) string {
	if refs == VaryingReferences {
		return "var"
	}
	return strconv.Itoa(refs)
}

func noReference(name string, i int) error {
	return &stylesprint.Error{
		Code:    stylesprint.CodeInvalid,
		Message: fmt.Sprintf("%s: sample %d has no reference", name, i+1),
		Hint:    "give every item at least one reference",
	}
}
