package clip

import (
	"strings"
	"testing"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

const small = `{"model_type": "clip", "projection_dim": 8,
	"text_config": {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 50, "eos_token_id": 49, "hidden_act": "gelu"},
	"vision_config": {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 3, "image_size": 16, "patch_size": 8}}`

func TestParseConfig(t *testing.T) {
	t.Parallel()
	got, err := ParseConfig([]byte(small))
	want := Config{
		Vision: Tower{1, 24, 40, 3, 1e-5, kernel.QuickGELU}, Side: 16, Patch: 8,
		Text: Tower{2, 16, 24, 2, 1e-5, kernel.GELU}, Vocabulary: 50, Positions: 77, EndToken: 49, Projection: 8,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	c := ViTB32()
	if c.Vision.Width != 768 || c.Patches() != 49 || c.Text.Heads != 8 || c.EndToken != 49407 || c.Projection != 512 {
		t.Errorf("defaults are not ViT-B/32: %+v", c)
	}
	// An old file's text_config_dict wins, over the defaults and not over text_config.
	old := strings.Replace(small, `"projection_dim": 8,`, `"projection_dim": 8, "text_config_dict": {"vocab_size": 60, "eos_token_id": 2},`, 1)
	if got, err = ParseConfig([]byte(old)); err != nil || got.Vocabulary != 60 || got.Text.Width != 512 || got.EndToken != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, c := range [][3]string{
		{`"clip"`, `"siglip"`, `"siglip"`},
		{`"hidden_act": "gelu"`, `"hidden_act": "swish2"`, `text_config: hidden_act "swish2"`},
		{`"eos_token_id": 49`, `"eos_token_id": [49, 2]`, "eos_token_id"},
		{`"eos_token_id": 49`, `"eos_token_id": 50`, "eos_token_id 50"},
		{`"num_attention_heads": 3`, `"num_attention_heads": 5`, "does not divide into 5 heads"},
		{`"patch_size": 8`, `"patch_size": 7`, "patches of 7"},
		{`"patch_size": 8`, `"num_channels": 1`, "num_channels"},
		{`"vocab_size": 50`, `"vocab_size": -1`, "vocabulary is -1"},
		{`"image_size": 16`, `"image_size": "big"`, "read clip config"},
	} {
		if _, err := ParseConfig([]byte(strings.Replace(small, c[0], c[1], 1))); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: got error %v, want one with %q", c[1], err, c[2])
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"model_type":"clip","vision_config":null,"text_config_dict":{"eos_token_id":2}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err == nil && c.Check() != nil {
			t.Errorf("%s: accepted, but %v", data, c.Check())
		}
	})
}

// The first end token counts; with an old config, the first largest number.
func TestEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		end    int32
		tokens []int32
		want   int
	}{
		{9, []int32{8, 1, 9, 9, 9}, 2},
		{9, []int32{8, 1, 3}, 0}, // as transformers, whatever it means
		{legacyEnd, []int32{8, 2, 9, 9}, 2},
	} {
		config := Config{EndToken: c.end}
		if got := config.End(c.tokens); got != c.want {
			t.Errorf("end %d of %v: got %d, want %d", c.end, c.tokens, got, c.want)
		}
	}
}

func loaded(t *testing.T, threads int, exact bool) *Model {
	t.Helper()
	m, err := kernel.NewMachine(kernel.Options{Level: kernel.Detect(), Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	c, err := ParseConfig([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	model, err := Load(m, nn.NewLoader(m, Ruled{c}, nn.LoaderOptions{Exact: exact}), c)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// A forward pass allocates nothing once the largest shape has been through.
func TestForwardAllocatesNothing(t *testing.T) {
	for _, exact := range []bool{true, false} {
		for _, threads := range []int{1, 2} {
			model := loaded(t, threads, exact)
			s := model.NewState(StateOptions{Images: 3, TextRows: 100})
			pixels := make([]float32, 3*model.PixelValues())
			Noise(pixels, "pixels", 0)
			batch := Batch{Tokens: []int32{1, 2, 3, 49, 1, 7, 49, 49}, Lengths: []int{4, 4}}
			n := testing.AllocsPerRun(20, func() {
				model.Images(s, pixels, 3)
				model.Texts(s, batch)
			})
			if n != 0 {
				t.Errorf("exact %t, %d threads: %g allocations, want none", exact, threads, n)
			}
		}
	}
}
