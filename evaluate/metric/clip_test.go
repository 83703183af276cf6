package metric

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/engine"
	"stylesprint/engine/hub"
	"stylesprint/engine/picture"
)

const clipTolerance = 1e-6 // vectors are float32

// fakeCLIP knows the vectors of some pictures and texts; a word is a token.
type fakeCLIP struct {
	images, texts map[string][]float32
	context       int
	asked         []string
}

func (f *fakeCLIP) EncodeImages(_ context.Context, folder fs.FS, names []string, _ picture.Fit) ([][]float32, error) {
	out := make([][]float32, len(names))
	for i, n := range names {
		f.asked = append(f.asked, n)
		v, ok := f.images[n]
		if !ok {
			return nil, fmt.Errorf("fake: %w", &picture.Error{Name: n, Reason: "there is no such file", Advice: "look again"})
		}
		out[i] = v
	}
	return out, nil
}

func (f *fakeCLIP) EncodeTexts(_ context.Context, texts []string) ([]engine.TextVector, error) {
	out := make([]engine.TextVector, len(texts))
	for i, t := range texts {
		f.asked = append(f.asked, t)
		v, ok := f.texts[t]
		if !ok {
			v = []float32{0, 1}
		}
		n := f.CountTokens(t)
		out[i] = engine.TextVector{Vector: v, Tokens: min(n, f.context), Cut: max(0, n-f.context)}
	}
	return out, nil
}

func (f *fakeCLIP) CountTokens(text string) int { return len(strings.Fields(text)) + 2 }

func (f *fakeCLIP) Info() engine.Info {
	return engine.Info{Name: "fake|clip", Precision: engine.Exact, ContextTokens: f.context, Dimensions: 2, ImageSide: 224, SHA256: strings.Repeat("ab", 32)}
}

func newFakeCLIP() *fakeCLIP {
	f := &fakeCLIP{context: 8, images: map[string][]float32{"a.png": {1, 0}, "b.png": {0, 1}}, texts: map[string][]float32{}}
	for _, prefix := range []string{"", HesselPrefix} {
		f.texts[prefix+"shirt"], f.texts[prefix+"coat"] = []float32{0.6, 0.8}, []float32{-1, 0}
		f.texts[prefix+"linen shirt"], f.texts[prefix+"one two three four five six seven eight"] = []float32{0.8, 0.6}, []float32{0, 1}
	}
	return f
}

func clipMetric(t *testing.T, name string, f *fakeCLIP) Metric {
	t.Helper()
	m, err := New(t.Context(), name, Options{CLIP: f, Images: os.DirFS(".")})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Values worked by hand from the vectors of newFakeCLIP.
func TestCLIPForms(t *testing.T) {
	t.Parallel()
	shirt := Sample{Hypothesis: "shirt", References: []string{"linen shirt", "one two three four five six seven eight"}, Image: "a.png"}
	for _, c := range []struct {
		metric    string
		sample    Sample
		score     float64
		truncated bool
	}{
		{"clip", shirt, 60, false},
		{"clip-s", shirt, 1.5, false},
		{"clip-ref", shirt, 2 * 1.5 * 0.96 / (1.5 + 0.96), false},
		{"clip-delta", shirt, ((80 - 60) + (0 - 60)) / 2., true},
		{"clip", Sample{Hypothesis: "coat", Image: "a.png"}, -100, false},
		{"clip-s", Sample{Hypothesis: "coat", Image: "a.png"}, 0, false},
		{"clip-ref", Sample{Hypothesis: "coat", References: []string{"shirt"}, Image: "a.png"}, 0, false},
		{"clip-delta", Sample{Hypothesis: "linen shirt", References: []string{"coat"}, Image: "a.png"}, -180, false},
		{"clip", Sample{Hypothesis: "one two three four five six seven eight", Image: "b.png"}, 100, true},
		{"clip", Sample{Hypothesis: "  ", Image: "a.png"}, 0, false},
		{"clip-delta", Sample{Hypothesis: "shirt", Missing: true, References: []string{"shirt"}, Image: "a.png"}, 60, false},
		{"clip-ref", Sample{Hypothesis: " ", References: []string{" "}, Image: "a.png"}, 0, false},
		{"clip-windows", Sample{Hypothesis: "Shirt. Coat. shirt", Image: "b.png"}, 100, false}, // "Coat. shirt" is one, and neither is known
	} {
		ms, err := clipMetric(t, c.metric, newFakeCLIP()).Measure(t.Context(), []Sample{c.sample})
		if err != nil {
			t.Errorf("%s: %v", c.metric, err)
			continue
		}
		if m := ms[0]; math.Abs(m.Score-c.score) > 100*clipTolerance || m.Truncated != c.truncated || m.Absent || m.Refs != len(c.sample.References) || m.Stats[0] != m.Score || m.Stats[1] != 1 {
			t.Errorf("%s of %+v: got %+v, want %g, truncated %t", c.metric, c.sample, m, c.score, c.truncated)
		}
	}
}

func TestCLIPItemsWithoutPictures(t *testing.T) {
	t.Parallel()
	f := newFakeCLIP()
	ms, err := clipMetric(t, "clip", f).Measure(t.Context(), []Sample{{Hypothesis: "shirt"}, {Hypothesis: "shirt", Image: "a.png"}, {Missing: true}})
	if err != nil || !ms[0].Absent || ms[1].Absent || !ms[2].Absent || !slices.Equal(ms[0].Stats, []float64{0, 0}) {
		t.Errorf("got %+v, %v", ms, err)
	}
	var e *stylesprint.Error
	_, err = clipMetric(t, "clip", f).Measure(t.Context(), []Sample{{Hypothesis: "shirt", Image: "none.png"}})
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "none.png") || stylesprint.HintOf(err) == "" {
		t.Errorf("of a missing picture: %v", err)
	}
	if _, err = clipMetric(t, "clip-delta", f).Measure(t.Context(), []Sample{{Hypothesis: "shirt", Image: "a.png"}}); err == nil || !strings.Contains(err.Error(), "no reference") {
		t.Errorf("without references: %v", err)
	}
	if _, err = New(t.Context(), "clip", Options{}); err == nil || !strings.Contains(err.Error(), "image-text model") {
		t.Errorf("without a model: %v", err)
	}
	m, _ := New(t.Context(), "clip", Options{CLIP: f})
	if _, err = m.Measure(t.Context(), []Sample{{Hypothesis: "shirt", Image: "a.png"}}); err == nil || !strings.Contains(err.Error(), "no folder") {
		t.Errorf("without a folder: %v", err)
	}
	f.images["a.png"] = []float32{float32(math.NaN()), 0}
	if _, err = clipMetric(t, "clip", f).Measure(t.Context(), []Sample{{Hypothesis: "shirt", Image: "a.png"}}); stylesprint.CodeOf(err) != stylesprint.CodeUpstream || !strings.Contains(err.Error(), "a.png") {
		t.Errorf("of a NaN: %v", err)
	}
}

// Metrics that share a cache ask the model once for each picture and text.
func TestCLIPCache(t *testing.T) {
	t.Parallel()
	f := newFakeCLIP()
	o := Options{CLIP: NewCLIPCache(f), Images: os.DirFS(".")}
	samples := []Sample{{Hypothesis: "shirt", References: []string{"linen shirt"}, Image: "a.png"}, {Hypothesis: "shirt", References: []string{"shirt"}, Image: "a.png"}}
	for range 2 {
		for _, name := range []string{"clip", "clip-delta", "clip-s", "clip-ref"} {
			m, err := New(t.Context(), name, o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Measure(t.Context(), samples); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.Sort(f.asked)
	want := []string{HesselPrefix + "linen shirt", HesselPrefix + "shirt", "a.png", "linen shirt", "shirt"}
	if !slices.Equal(f.asked, want) {
		t.Errorf("asked for %q, want %q", f.asked, want)
	}
	var g generations[int]
	for i := range 3*maxCached + 10 {
		g.put(fmt.Sprint(i), i)
	}
	if len(g.young)+len(g.old) > 2*maxCached {
		t.Errorf("%d vectors are kept, want at most %d", len(g.young)+len(g.old), 2*maxCached)
	}
	if _, ok := g.get("0"); ok {
		t.Error("the oldest vector is still there")
	}
	if v, ok := g.get(fmt.Sprint(3*maxCached + 9)); !ok || v != 3*maxCached+9 {
		t.Error("the newest vector is not there")
	}
}

func TestCLIPSignatures(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range []CLIPOptions{{}, {Prefix: "a photo of "}, {Fit: picture.Fit{Pad: true}}} {
		for _, name := range []string{"clip", "clip-s", "clip-ref", "clip-delta", "clip-windows"} {
			m, err := NewCLIPScore(name, newFakeCLIP(), nil, o)
			if err != nil {
				t.Fatal(err)
			}
			s := m.Signature(2)
			if !IsMean(s) || seen[s] && !strings.Contains(s, strings.TrimSpace(HesselPrefix)) || strings.Contains(s, "fake|") {
				t.Errorf("signature %q", s)
			}
			seen[s] = true
		}
	}
	m, _ := NewCLIPScore("clip-ref", newFakeCLIP(), nil, CLIPOptions{})
	want := `clip-ref:cosine|scale:2.5|clamp:0|refs:max|join:harmonic|nrefs:2|prefix:"A photo depicts "|fit:crop|model:fake/clip|sha256:abababababababab|precision:exact|max_tokens:8|side:224|version:1|agg:mean`
	if got := m.Signature(2); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := NewCLIPScore("bleu", newFakeCLIP(), nil, CLIPOptions{}); err == nil {
		t.Error("bleu is a CLIP metric")
	}
}

// A sentence that is too long is cut between words, a word that is too long between
// characters, and nothing is lost.
func TestWindows(t *testing.T) {
	t.Parallel()
	f := newFakeCLIP()
	m, err := NewCLIPScore("clip-windows", f, nil, CLIPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.windows("one two three four five six seven eight. Nine"), []string{"one two three four", "five six seven eight.", "Nine"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	f.context = 2 // not even a word fits
	if got := m.windows("äb c"); strings.Join(got, "") != "äbc" {
		t.Errorf("got %q", got)
	}
	f.context = 8
	w, err := m.Windows(t.Context(), "shirt\ncoat\nlinen shirt", []float32{1, 0})
	if err != nil || w.Count != 3 || w.Weakest != "coat" || math.Abs(w.Min+100) > clipTolerance || math.Abs(w.Mean-(60-100+80)/3.) > 100*clipTolerance {
		t.Errorf("got %+v, %v", w, err)
	}
}

// FuzzWindows holds the windows to the text's words; what is neither letter nor digit may stand alone and is then none.
func FuzzWindows(f *testing.F) {
	f.Add("A linen shirt. It breathes! 19.99 \"e.g.\" 亚麻。\n")
	m, err := NewCLIPScore("clip-windows", newFakeCLIP(), nil, CLIPOptions{})
	if err != nil {
		f.Fatal(err)
	}
	squeeze := func(s string) string {
		return strings.Map(func(r rune) rune {
			if isWordRune(r) {
				return r
			}
			return -1
		}, s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		if got := squeeze(strings.Join(m.windows(text), "")); got != squeeze(text) {
			t.Fatalf("%q comes back as %q", squeeze(text), got)
		}
	})
}

func TestReportCLIP(t *testing.T) {
	t.Parallel()
	f := newFakeCLIP()
	inputs := []CLIPInput{
		{"a.png", "linen shirt", []string{"shirt"}},
		{"b.png", "one two three four five six seven eight", []string{"shirt", "coat"}},
	}
	calls := 0
	items, sum, err := ReportCLIP(t.Context(), f, os.DirFS("."), inputs, CLIPReportOptions{Windows: true, Progress: func(done, total int) { calls++ }})
	if err != nil {
		t.Fatal(err)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 100*clipTolerance }
	if a := items[0]; !near(a.CLIP, 80) || !near(*a.Delta, -20) || !near(*a.ReferenceCLIP, 60) || a.Tokens != 4 || a.Truncated != 0 || a.Windows.Count != 1 {
		t.Errorf("got %+v", a)
	}
	if b := items[1]; !near(b.CLIP, 100) || !near(*b.Delta, (80+0)/2.-100) || b.Tokens != 10 || b.Truncated != 2 || b.Windows.Count != 2 {
		t.Errorf("got %+v", b)
	}
	c := sum.Control
	if sum.Items != 2 || !near(sum.CLIP.Mean, 90) || !near(sum.Delta.Mean, -40) || sum.Truncated.Captions != 0.5 || *sum.Truncated.References != 0 || calls != 1 ||
		!near(c.ShuffledMean, 30) || c.RightBeatsShuffled != 1 || sum.CLIP.Low > sum.CLIP.Mean || sum.Delta.High < sum.Delta.Mean || sum.Delta.Level != 0.95 || len(sum.Signatures) != 5 {
		t.Errorf("got %+v, control %+v", sum, c)
	}
	items, sum, err = ReportCLIP(t.Context(), f, os.DirFS("."), []CLIPInput{{Image: "a.png", Caption: "shirt"}}, CLIPReportOptions{})
	if err != nil || items[0].Delta != nil || sum.Delta != nil || sum.Control != nil || sum.CLIP.Level != 0 || sum.Truncated.References != nil || sum.Windows != nil {
		t.Errorf("got %+v, %+v, %v", items, sum, err)
	}
	if _, _, err = ReportCLIP(t.Context(), f, nil, nil, CLIPReportOptions{}); err == nil {
		t.Error("a report of nothing")
	}
}

// With a real model's arithmetic: the scores are those of transformers' vectors.
func TestCLIPOfAModel(t *testing.T) {
	t.Parallel()
	const folder = "../../engine/testdata/"
	model, err := engine.OpenCLIP(t.Context(), folder+"clip", engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	g, err := hub.OpenSafetensors(folder + "clip.golden.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	values := func(name string) []float32 {
		x, _ := g.Tensor(name)
		v, err := x.Float32(nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := 100 * cosine(values("image_embeds")[:24], values("text_embeds")[:24])
	m, err := New(t.Context(), "clip", Options{CLIP: model, Images: os.DirFS(folder + "clip-images")})
	if err != nil {
		t.Fatal(err)
	}
	ms, err := m.Measure(t.Context(), []Sample{{Hypothesis: "a linen shirt", Image: "garment.png"}})
	if err != nil || math.Abs(ms[0].Score-want) > 0.01 {
		t.Errorf("got %+v, %v, want %g", ms, err, want)
	}
}
