package gpt

import (
	"strings"
	"testing"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// zeros holds tensors of given shapes, all zero.
type zeros map[string][]int

func (z zeros) Names() []string {
	var names []string
	for n := range z {
		names = append(names, n)
	}
	return names
}

func (z zeros) Tensor(name string) (nn.Tensor, bool) {
	shape, ok := z[name]
	convert := func(_ []float32, from, to int) ([]float32, error) {
		return make([]float32, (to-from)*shape[len(shape)-1]), nil
	}
	return nn.Tensor{Shape: shape, Type: "F32", Float32: convert}, ok
}

func small() Config {
	return Config{Vocabulary: 5, Layers: 1, Width: 4, Hidden: 8, Heads: 2, Positions: 6, Context: 6, NormEps: 1e-5, Activation: kernel.GELUTanh, Tied: true}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if err := small().Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"vocabulary is 0":               func(c *Config) { c.Vocabulary = 0 },
		"layers is -1":                  func(c *Config) { c.Layers = -1 },
		"feed-forward width is 9999999": func(c *Config) { c.Hidden = 9999999 },
		"context is 0":                  func(c *Config) { c.Context = 0 },
		"divide into 3 heads":           func(c *Config) { c.Heads = 3 },
		"head size 1 is odd":            func(c *Config) { c.Heads = 4 },
		"epsilon 2":                     func(c *Config) { c.NormEps = 2 },
	} {
		c := small()
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

// The names of a file begin as its embedding's does, and an output matrix beside a tied one is passed over.
func TestLoadNames(t *testing.T) {
	t.Parallel()
	m, err := kernel.NewMachine(kernel.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	for _, prefix := range []string{"", "transformer."} {
		for _, tied := range []bool{true, false} {
			c := small()
			c.Tied = tied
			src := zeros{
				prefix + "wte.weight": {5, 4}, prefix + "wpe.weight": {6, 4}, prefix + "ln_f.weight": {4}, prefix + "ln_f.bias": {4}, "lm_head.weight": {5, 4},
			}
			l := nn.NewLoader(m, src, nn.LoaderOptions{})
			asked := ""
			model, err := Load(m, NewReader(l, c), func(_ int, at string) Block {
				asked += at
				return Block{}
			})
			if err != nil || asked != prefix+"h.0." || (model.embedding == nil) != tied {
				t.Errorf("prefix %q, tied %t: block %q, %v", prefix, tied, asked, err)
			}
			delete(src, "lm_head.weight")
			l = nn.NewLoader(m, src, nn.LoaderOptions{})
			if _, err = Load(m, NewReader(l, c), func(int, string) Block { return Block{} }); (err == nil) != tied {
				t.Errorf("prefix %q, tied %t, without an output matrix: %v", prefix, tied, err)
			}
		}
	}
}
