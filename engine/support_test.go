package engine

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"stylesprint/engine/hub"
	"stylesprint/engine/nn/kernel"
	"stylesprint/engine/tokenize"
)

// eachLevel runs a test under every instruction set that this machine has.
func eachLevel(t *testing.T, f func(t *testing.T, cpu string)) {
	t.Helper()
	for _, level := range kernel.Levels() {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			f(t, level.String())
		})
	}
}

// openTiny opens one of the small random models in testdata.
func openTiny(t testing.TB, name string, o Options) *LanguageModel {
	t.Helper()
	m, err := OpenLanguageModel(context.Background(), filepath.Join("testdata", name), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// realModel is the path of a model in the cache that STYLESPRINT_MODELS names.
func realModel(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("STYLESPRINT_MODELS")
	if dir == "" {
		t.Skip("STYLESPRINT_MODELS is not set: no model cache to take " + name + " from")
	}
	path := filepath.Join(dir, "models", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the model cache has no %s; pull it with: stylesprint models pull %s", name, name)
	}
	return path
}

func openReal(t testing.TB, o Options) *LanguageModel {
	t.Helper()
	m, err := OpenLanguageModel(context.Background(), realModel(t, "smollm2-135m-instruct"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func openRealEncoder(t testing.TB, o Options) *Encoder {
	t.Helper()
	e, err := OpenEncoder(context.Background(), realModel(t, "all-minilm-l6-v2"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// golden opens a file of reference values.
func golden(t testing.TB, name string) *hub.Safetensors {
	t.Helper()
	g, err := hub.OpenSafetensors(filepath.Join("testdata", name+".golden.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func goldenFloats(t testing.TB, g *hub.Safetensors, name string) []float32 {
	t.Helper()
	x, ok := g.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	v, err := x.Float32(nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func goldenInts(t testing.TB, g *hub.Safetensors, name string) []int32 {
	t.Helper()
	var out []int32
	for _, v := range goldenFloats(t, g, name) {
		out = append(out, int32(v))
	}
	return out
}

func readTestJSON(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func maxDifference(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var most float64
	for i, x := range a {
		d := math.Abs(float64(x) - float64(b[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		most = max(most, d)
	}
	return most
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i, x := range a {
		y := float64(b[i])
		ab += float64(x) * y
		aa += float64(x) * float64(x)
		bb += y * y
	}
	return ab / math.Sqrt(aa*bb)
}

func tokenizeOptions() tokenize.Options { return tokenize.Options{} }
