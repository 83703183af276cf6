package metric

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"

	"stylesprint"
	"stylesprint/evaluate/resample"
)

// CLIPInput is a picture with the caption that is scored and, perhaps, those that
// people wrote.
type CLIPInput struct {
	Image      string
	Caption    string
	References []string
}

// CLIPItem is what `score clip --json` prints for a picture.
type CLIPItem struct {
	Image         string       `json:"image"`
	CLIP          float64      `json:"clip"`                     // 100 cos
	CLIPS         float64      `json:"clip_s"`                   // 2.5 max(cos, 0), with Hessel's prefix
	RefCLIPS      *float64     `json:"ref_clip_s,omitempty"`     // nil without references, as the next two
	ReferenceCLIP *float64     `json:"reference_clip,omitempty"` // clip of the references, their mean
	Delta         *float64     `json:"delta,omitempty"`          // reference_clip less clip
	Tokens        int          `json:"tokens"`                   // of the caption, with its prefix and marks, before it is cut
	Truncated     int          `json:"truncated"`                // tokens that were cut
	Windows       *CLIPWindows `json:"windows,omitempty"`
}

// CLIPMean is a mean over items with the percentile interval of a bootstrap over them.
// Of one item, all three are its value and Level is 0.
type CLIPMean struct {
	Mean  float64 `json:"mean"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level"`
}

// CLIPControl tells whether the score can tell pictures apart: every caption is
// also scored against the picture of another item, all of them exchanged at once.
type CLIPControl struct {
	ShuffledMean float64 `json:"shuffled_mean"` // clip of the wrong pictures
	// RightBeatsShuffled is the share of items whose own picture scores higher.
	RightBeatsShuffled float64 `json:"right_beats_shuffled"`
	Seed               uint64  `json:"seed"`
}

// CLIPShares are the shares of texts that the model did not read to their ends.
type CLIPShares struct {
	Captions   float64  `json:"captions"`
	References *float64 `json:"references,omitempty"`
}

// CLIPSummary is the last line of `score clip --json`.
type CLIPSummary struct {
	Items     int       `json:"items"`
	CLIP      CLIPMean  `json:"clip"`
	CLIPS     CLIPMean  `json:"clip_s"`
	RefCLIPS  *CLIPMean `json:"ref_clip_s,omitempty"`
	Reference *CLIPMean `json:"reference_clip,omitempty"`
	// Delta is paired: its interval is that of the items' own differences.
	Delta      *CLIPMean         `json:"delta,omitempty"`
	Windows    *CLIPMean         `json:"windows,omitempty"` // of the items' window means
	Truncated  CLIPShares        `json:"truncated"`
	Control    *CLIPControl      `json:"control,omitempty"` // nil of a single item
	Signatures map[string]string `json:"signatures"`
}

// CLIPReportOptions say what ReportCLIP does beyond the scores.
type CLIPReportOptions struct {
	CLIPOptions
	Windows  bool                  // score sentences, too
	Progress func(done, total int) // may be nil
}

const (
	clipReportBlock   = 256
	clipReportSamples = 1000
	clipReportLevel   = 0.95
)

// ReportCLIP scores captions against their pictures, which are all different.
// Either all inputs have references or none has.
func ReportCLIP(ctx context.Context, model CLIPModel, images fs.FS, inputs []CLIPInput, o CLIPReportOptions) ([]CLIPItem, CLIPSummary, error) {
	if len(inputs) == 0 {
		return nil, CLIPSummary{}, nothingToScore()
	}
	r := clipReport{model: NewCLIPCache(model), images: images, o: o, withRefs: len(inputs[0].References) > 0, refs: newRefCount()}
	for _, name := range []string{"clip", "clip-s", "clip-ref", "clip-delta"} {
		m, err := NewCLIPScore(name, r.model, images, o.CLIPOptions)
		if err != nil {
			return nil, CLIPSummary{}, err
		}
		if m.Info().NeedsReferences && !r.withRefs {
			continue
		}
		r.metrics = append(r.metrics, m)
	}
	for from := 0; from < len(inputs); from += clipReportBlock {
		if err := r.block(ctx, inputs[from:min(from+clipReportBlock, len(inputs))]); err != nil {
			return nil, CLIPSummary{}, err
		}
		if o.Progress != nil {
			o.Progress(len(r.items), len(inputs))
		}
	}
	summary, err := r.summary(ctx)
	return r.items, summary, err
}

// clipReport gathers the items.
type clipReport struct {
	model    *CLIPCache
	images   fs.FS
	o        CLIPReportOptions
	metrics  []*CLIPScore // clip, clip-s and, with references, clip-ref, clip-delta
	withRefs bool

	items    []CLIPItem
	refs     *refCount
	captions []string
	pictures [][]float32
	cutRefs  int
	allRefs  int
}

func (r *clipReport) block(ctx context.Context, inputs []CLIPInput) error {
	samples, names := make([]Sample, len(inputs)), make([]string, len(inputs))
	for i, in := range inputs {
		samples[i] = Sample{Hypothesis: in.Caption, References: in.References, Image: in.Image}
		names[i] = in.Image
		r.refs.see(len(in.References))
		r.captions = append(r.captions, in.Caption)
	}
	scores := make([][]Measurement, len(r.metrics))
	for k, m := range r.metrics {
		var err error
		if scores[k], err = m.Measure(ctx, samples); err != nil {
			return err
		}
	}
	pictures, err := r.model.EncodeImages(ctx, r.images, names, r.o.Fit)
	if err != nil {
		return err
	}
	r.pictures = append(r.pictures, pictures...)
	for i, in := range inputs {
		item, err := r.item(ctx, in, pictures[i])
		if err != nil {
			return err
		}
		item.CLIP, item.CLIPS = scores[0][i].Score, scores[1][i].Score
		if r.withRefs {
			delta := scores[3][i].Score
			reference := item.CLIP + delta
			item.RefCLIPS, item.Delta, item.ReferenceCLIP = &scores[2][i].Score, &delta, &reference
		}
		for k := range scores {
			if s := scores[k][i].Score; math.IsNaN(s) || math.IsInf(s, 0) {
				return &stylesprint.Error{Code: stylesprint.CodeUpstream,
					Message: fmt.Sprintf("picture %s: %s is not a number", in.Image, r.metrics[k].Info().Name), Hint: "the model's weights may be damaged: stylesprint models verify"}
			}
		}
		r.items = append(r.items, item)
	}
	return nil
}

// item counts tokens and scores windows.
func (r *clipReport) item(ctx context.Context, in CLIPInput, picture []float32) (CLIPItem, error) {
	item := CLIPItem{Image: in.Image}
	m := r.metrics[0]
	if !IsBlank(in.Caption) {
		v, err := m.vectors(ctx, []string{m.prefix() + in.Caption})
		if err != nil {
			return item, err
		}
		text := v[m.prefix()+in.Caption]
		item.Tokens, item.Truncated = text.Tokens+text.Cut, text.Cut
	}
	for _, ref := range in.References {
		v, err := m.vectors(ctx, []string{m.prefix() + ref})
		if err != nil {
			return item, err
		}
		r.allRefs++
		if v[m.prefix()+ref].Cut > 0 {
			r.cutRefs++
		}
	}
	if r.o.Windows {
		w, err := m.Windows(ctx, in.Caption, picture)
		if err != nil {
			return item, err
		}
		item.Windows = &w
	}
	return item, nil
}

// summary computes means, intervals, shares and the control.
func (r *clipReport) summary(ctx context.Context) (CLIPSummary, error) {
	out := CLIPSummary{Items: len(r.items), Signatures: map[string]string{}}
	for _, m := range r.metrics {
		out.Signatures[m.Info().Name] = m.Signature(r.refs.value())
	}
	type column struct {
		to    **CLIPMean
		value func(*CLIPItem) float64
	}
	clip, clipS := &out.CLIP, &out.CLIPS
	columns := []column{
		{&clip, func(i *CLIPItem) float64 { return i.CLIP }}, {&clipS, func(i *CLIPItem) float64 { return i.CLIPS }},
	}
	if r.withRefs {
		columns = append(columns, column{&out.RefCLIPS, func(i *CLIPItem) float64 { return *i.RefCLIPS }},
			column{&out.Reference, func(i *CLIPItem) float64 { return *i.ReferenceCLIP }}, column{&out.Delta, func(i *CLIPItem) float64 { return *i.Delta }})
		share := float64(r.cutRefs) / float64(max(1, r.allRefs))
		out.Truncated.References = &share
	}
	if r.o.Windows {
		columns = append(columns, column{&out.Windows, func(i *CLIPItem) float64 { return i.Windows.Mean }})
		windows := CLIPScore{mean: mean{describe("clip-windows")}, model: r.model, images: r.images, o: r.o.CLIPOptions}
		out.Signatures["clip-windows"] = windows.Signature(r.refs.value())
	}
	tables := make([]resample.Table, len(columns))
	for k, c := range columns {
		tables[k] = resample.NewTable(len(r.items), 2)
		for i := range r.items {
			tables[k].Add(i, []float64{c.value(&r.items[i]), 1})
		}
	}
	drawn, err := resample.Bootstrap(ctx, tables, resample.Options{Samples: clipReportSamples, Seed: resample.DefaultSeed})
	if err != nil {
		return CLIPSummary{}, err
	}
	for k, c := range columns {
		m := CLIPMean{Mean: mean{}.Value(tables[k].Sum()), Level: clipReportLevel}
		m.Low, m.High = resample.Interval(drawn[k].Scores(mean{}.Value), clipReportLevel)
		if len(r.items) == 1 {
			m = CLIPMean{Mean: m.Mean, Low: m.Mean, High: m.Mean}
		}
		if *c.to == nil {
			*c.to = new(CLIPMean)
		}
		**c.to = m
	}
	cut := 0
	for i := range r.items {
		if r.items[i].Truncated > 0 {
			cut++
		}
	}
	out.Truncated.Captions = float64(cut) / float64(len(r.items))
	out.Control, err = r.control(ctx)
	return out, err
}

// control exchanges all pictures by one cycle (Sattolo's algorithm), so that none stays
// with its caption.
func (r *clipReport) control(ctx context.Context) (*CLIPControl, error) {
	n := len(r.items)
	if n < 2 {
		return nil, nil
	}
	rng := rand.New(rand.NewPCG(resample.DefaultSeed, uint64(n)))
	other := make([]int, n)
	for i := range other {
		other[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := rng.IntN(i)
		other[i], other[j] = other[j], other[i]
	}
	out := &CLIPControl{Seed: resample.DefaultSeed}
	m, wins := r.metrics[0], 0
	for i, caption := range r.captions {
		score := 0.0
		if !IsBlank(caption) {
			v, err := m.vectors(ctx, []string{m.prefix() + caption})
			if err != nil {
				return nil, err
			}
			score = clipScale * cosine(r.pictures[other[i]], v[m.prefix()+caption].Vector)
		}
		out.ShuffledMean += score / float64(n)
		if r.items[i].CLIP > score {
			wins++
		}
	}
	out.RightBeatsShuffled = float64(wins) / float64(n)
	return out, nil
}
