package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"stylesprint/engine/hub"
	"stylesprint/engine/nn/arch/clip"
	"stylesprint/engine/picture"
)

// Tolerances of CLIP's unit vectors, and of logits, against transformers.
const (
	clipExact      = 1e-4
	clipExactLogit = 1e-3 // logits are about twenty times a cosine
	clipFastCosine = 0.99 // of the small model, which is far more sensitive to rounding than a real one
)

func openTinyCLIP(t testing.TB, o Options) *CLIP {
	t.Helper()
	c, err := OpenCLIP(context.Background(), filepath.Join("testdata", "clip"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func flat(vectors [][]float32) []float32 {
	var out []float32
	for _, v := range vectors {
		out = append(out, v...)
	}
	return out
}

// clipGolden is one of the stored sets of inputs and outputs.
type clipGolden struct {
	tokens                [][]int32
	images, texts, logits []float32
}

func goldenCLIP(t testing.TB, g *hub.Safetensors) clipGolden {
	t.Helper()
	out := clipGolden{images: goldenFloats(t, g, "image_embeds"), texts: goldenFloats(t, g, "text_embeds"), logits: goldenFloats(t, g, "logits")}
	for ids := goldenInts(t, g, "tokens"); len(ids) > 0; ids = ids[77:] {
		out.tokens = append(out.tokens, ids[:77])
	}
	return out
}

// checkLogits compares e^scale times the cosines with transformers' logits_per_image.
func checkLogits(t *testing.T, c *CLIP, images, texts [][]float32, want []float32) {
	t.Helper()
	var got []float32
	for _, a := range images {
		for _, b := range texts {
			var dot float64
			for i := range a {
				dot += float64(a[i]) * float64(b[i])
			}
			got = append(got, float32(c.LogitScale()*dot))
		}
	}
	if d := maxDifference(got, want); d > clipExactLogit {
		t.Errorf("logits differ by up to %g from transformers, want at most %g", d, clipExactLogit)
	}
}

func TestCLIPLikeTransformers(t *testing.T) {
	t.Parallel()
	g := golden(t, "clip")
	want, pixels := goldenCLIP(t, g), goldenFloats(t, g, "pixels")
	eachLevel(t, func(t *testing.T, cpu string) {
		c := openTinyCLIP(t, Options{CPU: cpu, Threads: 2})
		images, err := c.EncodePixels(context.Background(), pixels)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := c.EncodeTokens(context.Background(), want.tokens)
		if err != nil {
			t.Fatal(err)
		}
		if d := max(maxDifference(flat(images), want.images), maxDifference(flat(texts), want.texts)); d > clipExact {
			t.Errorf("vectors differ by up to %g from transformers, want at most %g", d, clipExact)
		}
		checkLogits(t, c, images, texts, want.logits)
		fast := openTinyCLIP(t, Options{CPU: cpu, Threads: 2, Precision: Fast})
		images, _ = fast.EncodePixels(context.Background(), pixels)
		texts, _ = fast.EncodeTokens(context.Background(), want.tokens)
		if v := min(cosine(flat(images), want.images), cosine(flat(texts), want.texts)); !(v >= clipFastCosine) {
			t.Errorf("fast: cosine of the vectors to transformers is %g, want at least %g", v, clipFastCosine)
		}
	})
}

// From files and texts: the processor, the tokenizer and truncation.
func TestCLIPFromFilesAndTexts(t *testing.T) {
	t.Parallel()
	g := golden(t, "clip")
	want, lengths := goldenCLIP(t, g), goldenInts(t, g, "lengths")
	var texts []string
	readTestJSON(t, "clip.texts.json", &texts)
	c := openTinyCLIP(t, Options{Threads: 2})
	images, err := c.EncodeImages(context.Background(), os.DirFS("testdata/clip-images"), []string{"garment.png", "wide.png", "small.png"}, picture.Fit{})
	if err != nil {
		t.Fatal(err)
	}
	if d := maxDifference(flat(images), want.images); d > clipExact {
		t.Errorf("vectors of picture files differ by up to %g from transformers, want at most %g", d, clipExact)
	}
	got, err := c.EncodeTexts(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if d := maxDifference(v.Vector, want.texts[i*24:(i+1)*24]); d > clipExact {
			t.Errorf("%.40q: differs by %g from transformers, want at most %g", texts[i], d, clipExact)
		}
		if v.Tokens != int(lengths[i]) || v.Cut != c.CountTokens(texts[i])-v.Tokens {
			t.Errorf("%.40q: %d tokens, %d cut; want %d of %d", texts[i], v.Tokens, v.Cut, lengths[i], c.CountTokens(texts[i]))
		}
	}
	if last := got[len(got)-1]; last.Tokens != 77 || last.Cut == 0 {
		t.Errorf("the long text has %d tokens, %d cut", last.Tokens, last.Cut)
	}
	padded, err := c.EncodeImages(context.Background(), os.DirFS("testdata/clip-images"), []string{"garment.png", "small.png"}, picture.Fit{Pad: true})
	if err != nil {
		t.Fatal(err)
	}
	if maxDifference(padded[0], images[0]) < 1e-3 || maxDifference(padded[1], images[2]) > 1e-5 {
		t.Error("padding shows in a square picture or not in an oblong one")
	}
}

// The real shape: 151 million weights by rule, exact, twelve layers each.
func TestCLIPRealShape(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 600 MB of weights")
	}
	want := goldenCLIP(t, golden(t, "clip-b32"))
	c, err := NewRuledCLIP(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := c.Info().Parameters; n != 151_277_313 {
		t.Errorf("%d parameters, want 151277313", n)
	}
	pixels := make([]float32, 2*3*224*224)
	clip.Noise(pixels, "pixels", 0)
	for i := range pixels {
		pixels[i] *= 4
	}
	images, err := c.EncodePixels(context.Background(), pixels)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := c.EncodeTokens(context.Background(), want.tokens)
	if err != nil {
		t.Fatal(err)
	}
	i, x := maxDifference(flat(images), want.images), maxDifference(flat(texts), want.texts)
	t.Logf("vectors differ by up to %g (pictures) and %g (texts)", i, x)
	if max(i, x) > clipExact {
		t.Errorf("vectors differ by up to %g (pictures) and %g (texts) from transformers, want at most %g", i, x, clipExact)
	}
	checkLogits(t, c, images, texts, want.logits)
}

// memory is the small model as an fs.FS in memory, with files replaced, or removed where nil.
func memory(t testing.TB, files map[string][]byte) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	entries, err := os.ReadDir("testdata/clip")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join("testdata/clip", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = &fstest.MapFile{Data: data}
	}
	for name, data := range files {
		if delete(out, name); data != nil {
			out[name] = &fstest.MapFile{Data: data}
		}
	}
	return out
}

// twoFiles makes vocab.json and merges.txt of a tokenizer.json.
func twoFiles(t testing.TB) map[string][]byte {
	t.Helper()
	var f struct {
		Model struct {
			Vocab  map[string]int
			Merges [][2]string
		}
	}
	readTestJSON(t, "clip/tokenizer.json", &f)
	vocabulary, err := json.Marshal(f.Model.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"#version: 0.2"}
	for _, m := range f.Model.Merges {
		lines = append(lines, m[0]+" "+m[1])
	}
	return map[string][]byte{"tokenizer.json": nil, "vocab.json": vocabulary, "merges.txt": []byte(strings.Join(lines, "\n"))}
}

func edited(t testing.TB, name, old, new string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/clip", name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %s", name, old)
	}
	return []byte(strings.Replace(string(data), old, new, 1))
}

func TestOpenCLIPFS(t *testing.T) {
	t.Parallel()
	want := openTinyCLIP(t, Options{Threads: 1})
	w, err := want.EncodeTexts(context.Background(), []string{"a linen shirt"})
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]map[string][]byte{
		"as it is":         nil,
		"two files":        twoFiles(t),
		"no preprocessor":  {"preprocessor_config.json": nil, "config.json": edited(t, "config.json", `"image_size": 32`, `"image_size":32`)},
		"legacy end token": {"config.json": edited(t, "config.json", `"eos_token_id": 779`, `"eos_token_id": 2`)},
	} {
		c, err := OpenCLIPFS(context.Background(), memory(t, files), "tiny", Options{Threads: 1})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		defer c.Close()
		got, err := c.EncodeTexts(context.Background(), []string{"a linen shirt"})
		if err != nil || maxDifference(got[0].Vector, w[0].Vector) > 1e-6 {
			t.Errorf("%s: another vector, or %v", name, err)
		}
		info, other := c.Info(), want.Info()
		if info.SHA256 != other.SHA256 || info.Name != "tiny" || info.Dimensions != 24 || info.ImageSide != 32 || info.ContextTokens != 77 || info.Architecture != "clip" {
			t.Errorf("%s: info %+v, want that of %+v", name, info, other)
		}
	}
}

func TestOpenCLIPNamesFaults(t *testing.T) {
	t.Parallel()
	weights, err := os.ReadFile("testdata/clip/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string]map[string][]byte{
		"no config.json":                         {"config.json": nil},
		"model_type \"clap\"":                    {"config.json": edited(t, "config.json", `"model_type": "clip",`, `"model_type": "clap",`)},
		"no tokenizer.json":                      {"tokenizer.json": nil},
		"eos_token_id 5":                         {"config.json": edited(t, "config.json", `"eos_token_id": 779`, `"eos_token_id": 5`)},
		"model.safetensors":                      {"model.safetensors": nil},
		"do not hold its":                        {"model.safetensors": weights[:len(weights)-4]},
		"resample is 2":                          {"preprocessor_config.json": edited(t, "preprocessor_config.json", `"resample": 3`, `"resample": 2`)},
		"do not fit a model of 32 pixels":        {"preprocessor_config.json": edited(t, "preprocessor_config.json", `"height": 32,`+"\n    \"width\": 32", `"height": 16, "width": 16`)},
		"hidden_act \"relu\"":                    {"config.json": edited(t, "config.json", `"hidden_act": "quick_gelu"`, `"hidden_act": "relu"`)},
		"patch_embedding.weight has the shape":   {"config.json": edited(t, "config.json", `"patch_size": 8`, `"patch_size": 16`)},
		"tokenizer knows 780 tokens, the weight": {"config.json": edited(t, "config.json", `"vocab_size": 780`, `"vocab_size": 779`), "tokenizer.json": nil, "vocab.json": twoFiles(t)["vocab.json"], "merges.txt": twoFiles(t)["merges.txt"]},
	} {
		if _, err := OpenCLIPFS(context.Background(), memory(t, files), "tiny", Options{Threads: 1}); err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(want, "tokenizer knows") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestCLIPEndings(t *testing.T) {
	t.Parallel()
	c := openTinyCLIP(t, Options{Threads: 1})
	ctx, cancel := context.WithCancel(context.Background())
	pictures := os.DirFS("testdata/clip-images")
	var wrong *picture.Error
	if _, err := c.EncodeImages(ctx, pictures, []string{"garment.png", "none.png"}, picture.Fit{}); !errors.As(err, &wrong) || wrong.Name != "none.png" {
		t.Errorf("of a missing picture: %v", err)
	}
	var bad *RequestError
	if _, err := c.EncodePixels(ctx, make([]float32, 5)); !errors.As(err, &bad) {
		t.Errorf("of half a picture: %v", err)
	}
	if _, err := c.EncodeTokens(ctx, [][]int32{{1, 9999}}); !errors.As(err, &bad) {
		t.Errorf("of an unknown token: %v", err)
	}
	if v, err := c.EncodeImages(ctx, pictures, nil, picture.Fit{}); err != nil || len(v) != 0 {
		t.Errorf("of nothing: %v, %v", v, err)
	}
	cancel()
	if _, err := c.EncodeTexts(ctx, []string{"a shirt"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := c.EncodeImages(ctx, pictures, []string{"garment.png"}, picture.Fit{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := c.EncodeTexts(context.Background(), []string{"late"}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// The company in a batch does not show, and more than a batch goes through.
func TestCLIPManyAtOnce(t *testing.T) {
	t.Parallel()
	c := openTinyCLIP(t, Options{Threads: 2})
	texts := make([]string, 300)
	for i := range texts {
		texts[i] = strings.Repeat("linen ", i%40) + "shirt"
	}
	all, err := c.EncodeTexts(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 3*maxBatchImages+1)
	for i := range names {
		names[i] = []string{"garment.png", "wide.png", "small.png"}[i%3]
	}
	images, err := c.EncodeImages(context.Background(), os.DirFS("testdata/clip-images"), names, picture.Fit{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if maxDifference(all[i].Vector, all[i%40].Vector) > 1e-5 || math.Abs(length(all[i].Vector)-1) > 1e-5 {
			t.Errorf("text %d has another vector than its twin", i)
		}
	}
	for i := range names {
		if maxDifference(images[i], images[i%3]) > 1e-5 {
			t.Errorf("picture %d has another vector than its twin", i)
		}
	}
}
