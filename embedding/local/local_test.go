package local_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/embedding/embeddingtest"
	"stylesprint/embedding/fake"
	"stylesprint/embedding/local"
	"stylesprint/engine"
)

// stub is an encoder with the engine's interface: the fake driver's vectors.
type stub struct{ words *fake.Driver }

func (s stub) Info() engine.Info {
	return engine.Info{Name: "stub", Precision: engine.Exact, Dimensions: 64, ContextTokens: 40, SHA256: "abc"}
}

func (s stub) Close() error { return s.words.Close() }

func (s stub) Embed(ctx context.Context, texts []string) ([]engine.Embedding, error) {
	vectors, err := s.words.Embed(ctx, texts)
	if stylesprint.CodeOf(err) == stylesprint.CodeUnavailable {
		return nil, engine.ErrClosed
	}
	var out []engine.Embedding
	for _, v := range vectors {
		out = append(out, engine.Embedding{Vector: v.Values, Tokens: v.Tokens, Unknown: v.Unknown, Truncated: v.Truncated})
	}
	return out, err
}

func (s stub) EmbedTokens(ctx context.Context, texts []string) ([]engine.TokenEmbeddings, error) {
	var out []engine.TokenEmbeddings
	for _, t := range texts {
		found, err := s.Embed(ctx, []string{t})
		if err != nil {
			return nil, err
		}
		out = append(out, engine.TokenEmbeddings{Vectors: found[0].Vector, Special: []bool{false}, Unknown: 1, Truncated: found[0].Truncated})
	}
	return out, nil
}

func newStub() stub { return stub{fake.New(fake.Script{MaxTokens: 40})} }

func TestConformance(t *testing.T) {
	t.Parallel()
	embeddingtest.Run(t, embeddingtest.Harness{
		Open:      func(t *testing.T) embedding.Driver { return local.New(newStub(), "stub") },
		MaxTokens: 40,
	})
}

func TestUnknownTokensAreTold(t *testing.T) {
	t.Parallel()
	e, err := engine.OpenEncoder(t.Context(), "../../engine/testdata/bert", engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	d := local.New(e, "")
	defer d.Close()
	v, err := d.Embed(t.Context(), []string{"a linen shirt", "☂ linen 漢字"})
	if err != nil || v[0].Unknown != 0 || v[1].Unknown != 3 || v[1].Tokens != 6 {
		t.Errorf("%+v, %v; want 3 of 6 tokens of the second text unknown", v, err)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "stub", "mini": "mini"} {
		info, err := local.New(newStub(), given).Info(t.Context())
		if err != nil || info != (embedding.Info{
			Ref: stylesprint.ModelRef{Provider: "local", Name: want, SHA256: "abc"}, Dimensions: 64, MaxTokens: 40, Precision: stylesprint.Exact,
		}) {
			t.Errorf("%+v %v", info, err)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	c := embedding.New(local.New(newStub(), "stub"), embedding.Options{})
	got, err := c.EmbedTokens(t.Context(), []string{"a coat", "a hat"})
	if err != nil || len(got) != 2 || len(got[1].Vectors) != 64 || got[1].Dimensions != 64 || got[1].Unknown != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.EmbedTokens(t.Context(), []string{"late"}); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable {
		t.Errorf("after close: %v", err)
	}
	other := embedding.New(fake.New(fake.Script{}), embedding.Options{})
	if _, err := other.EmbedTokens(t.Context(), []string{"a coat"}); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
		t.Errorf("of a driver without tokens: %v", err)
	}
}

// The same suite with real weights.
func TestConformanceOfEngine(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("STYLESPRINT_MODELS")
	if dir == "" {
		t.Skip("STYLESPRINT_MODELS is not set: no model files")
	}
	path := filepath.Join(dir, "models", "all-minilm-l6-v2")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no all-minilm-l6-v2 below %s", dir)
	}
	embeddingtest.Run(t, embeddingtest.Harness{
		Open: func(t *testing.T) embedding.Driver {
			e, err := engine.OpenEncoder(t.Context(), path, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return local.New(e, "all-minilm-l6-v2")
		},
		MaxTokens: 256,
	})
}
