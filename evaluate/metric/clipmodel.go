package metric

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"stylesprint"
	"stylesprint/engine"
	"stylesprint/engine/picture"
)

// CLIPModel is the part of an image-text model that the CLIP metrics need.
type CLIPModel interface {
	// EncodeImages returns a unit vector for each named picture of a folder, in order.
	// A picture that cannot be read is a *picture.Error.
	EncodeImages(ctx context.Context, folder fs.FS, names []string, fit picture.Fit) ([][]float32, error)
	// EncodeTexts returns a unit vector for each text, in order, with the tokens that were
	// read and those that were cut.
	EncodeTexts(ctx context.Context, texts []string) ([]engine.TextVector, error)
	// CountTokens is how many tokens a text has before it is cut, marks included.
	CountTokens(text string) int
	// Info describes the model.
	Info() engine.Info
}

var _ CLIPModel = (*engine.CLIP)(nil)

// CLIPCache keeps the vectors of one folder's pictures and of texts, so that several
// metrics, or several candidates on the same items, encode each once. It holds a
// bounded number of them and may be used by many goroutines.
type CLIPCache struct {
	model CLIPModel

	mu     sync.Mutex
	images generations[[]float32]
	texts  generations[engine.TextVector]
}

// NewCLIPCache puts a cache before a model. It is itself a CLIPModel; a cache is
// for one folder of pictures.
func NewCLIPCache(model CLIPModel) *CLIPCache {
	if c, ok := model.(*CLIPCache); ok {
		return c
	}
	return &CLIPCache{model: model}
}

var _ CLIPModel = (*CLIPCache)(nil)

// maxCached is how many vectors a generation holds: of 512 numbers, 16 MB.
const maxCached = 8192

// generations is a map that forgets what has not been asked for of late: when the
// young half is full it becomes the old half, and what was old is dropped.
type generations[T any] struct{ young, old map[string]T }

func (g *generations[T]) get(key string) (T, bool) {
	if v, ok := g.young[key]; ok {
		return v, true
	}
	v, ok := g.old[key]
	if ok {
		g.put(key, v)
	}
	return v, ok
}

func (g *generations[T]) put(key string, v T) {
	if g.young == nil || len(g.young) >= maxCached {
		g.young, g.old = make(map[string]T), g.young
	}
	g.young[key] = v
}

// known answers from the cache: values by position, and the distinct keys that are
// missing, in order.
func known[T any](g *generations[T], keys []string, out map[string]T) (missing []string) {
	for _, k := range keys {
		if _, ok := out[k]; ok {
			continue
		}
		v, ok := g.get(k)
		if !ok {
			missing = append(missing, k)
		}
		out[k] = v
	}
	return missing
}

// Info describes the model.
func (c *CLIPCache) Info() engine.Info { return c.model.Info() }

// CountTokens asks the model.
func (c *CLIPCache) CountTokens(text string) int { return c.model.CountTokens(text) }

// EncodeImages encodes each distinct picture once.
func (c *CLIPCache) EncodeImages(ctx context.Context, folder fs.FS, names []string, fit picture.Fit) ([][]float32, error) {
	keys := make([]string, len(names))
	byKey := make(map[string]string, len(names))
	for i, n := range names {
		keys[i] = fit.String() + "\x00" + n
		byKey[keys[i]] = n
	}
	found := make(map[string][]float32, len(names))
	c.mu.Lock()
	missing := known(&c.images, keys, found)
	c.mu.Unlock()
	files := make([]string, len(missing))
	for i, k := range missing {
		files[i] = byKey[k]
	}
	if len(files) > 0 {
		vectors, err := c.model.EncodeImages(ctx, folder, files, fit)
		if err != nil {
			return nil, imageFault(err)
		}
		if err := c.check(vectors, len(files), func(i int) string { return "picture " + files[i] }); err != nil {
			return nil, err
		}
		c.mu.Lock()
		for i, k := range missing {
			found[k] = vectors[i]
			c.images.put(k, vectors[i])
		}
		c.mu.Unlock()
	}
	out := make([][]float32, len(names))
	for i, k := range keys {
		out[i] = found[k]
	}
	return out, nil
}

// EncodeTexts encodes each distinct text once.
func (c *CLIPCache) EncodeTexts(ctx context.Context, texts []string) ([]engine.TextVector, error) {
	found := make(map[string]engine.TextVector, len(texts))
	c.mu.Lock()
	missing := known(&c.texts, texts, found)
	c.mu.Unlock()
	if len(missing) > 0 {
		answers, err := c.model.EncodeTexts(ctx, missing)
		if err != nil {
			return nil, fmt.Errorf("encode %d texts: %w", len(missing), err)
		}
		vectors := make([][]float32, len(answers))
		for i := range answers {
			vectors[i] = answers[i].Vector
		}
		if err := c.check(vectors, len(missing), func(i int) string { return fmt.Sprintf("text %d", i+1) }); err != nil {
			return nil, err
		}
		c.mu.Lock()
		for i, k := range missing {
			found[k] = answers[i]
			c.texts.put(k, answers[i])
		}
		c.mu.Unlock()
	}
	out := make([]engine.TextVector, len(texts))
	for i, k := range texts {
		out[i] = found[k]
	}
	return out, nil
}

// check refuses answers that would make a silent NaN.
func (c *CLIPCache) check(vectors [][]float32, want int, name func(int) string) error {
	if len(vectors) != want {
		return &stylesprint.Error{Code: stylesprint.CodeUpstream,
			Message: fmt.Sprintf("the image-text model %s answered %d requests with %d vectors", c.model.Info().Name, want, len(vectors))}
	}
	for i, v := range vectors {
		if len(v) == 0 || len(v) != c.model.Info().Dimensions || !finite(v) {
			return &stylesprint.Error{Code: stylesprint.CodeUpstream,
				Message: fmt.Sprintf("the image-text model %s answered %s with an unusable vector", c.model.Info().Name, name(i)),
				Hint:    "its weights may be damaged: stylesprint models verify"}
		}
	}
	return nil
}

// imageFault turns a picture that cannot be read into an error for people.
func imageFault(err error) error {
	var p *picture.Error
	if !errors.As(err, &p) {
		return fmt.Errorf("encode pictures: %w", err)
	}
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "image", Message: "a picture cannot be used", Hint: p.Hint(), Err: p}
}
