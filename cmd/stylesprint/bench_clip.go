package main

import (
	"context"
	"fmt"

	"stylesprint/cmd/stylesprint/config"
	"stylesprint/engine"
	"stylesprint/engine/nn/arch/clip"
)

// What benchCLIP encodes at a time.
const (
	benchImages = 64
	benchTexts  = 104
)

// benchCLIP measures ViT-B/32's shape with weights made in memory, whose values
// do not matter for speed: pictures that are pixel values already, and texts of
// the full 77 tokens.
func benchCLIP(ctx context.Context, r *benchRun) error {
	c, err := r.app.config()
	if err != nil {
		return err
	}
	for _, precision := range []string{"fast", "exact"} {
		m, err := engine.NewRuledCLIP(engineOptions(c, config.Model{}, precision))
		if err != nil {
			return err
		}
		err = benchCLIPModel(ctx, r, m)
		if cerr := m.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func benchCLIPModel(ctx context.Context, r *benchRun, m *engine.CLIP) error {
	info := m.Info()
	pixels := make([]float32, benchImages*clip.Channels*info.ImageSide*info.ImageSide)
	clip.Noise(pixels, "pixels", 0)
	f := figure{Model: "ViT-B/32, made up weights", Precision: string(info.Precision), CPU: info.CPU}
	f.Name, f.Unit, f.Note = "images", "images/s", fmt.Sprintf("%d pictures of pixel values in one call", benchImages)
	if err := r.measure(ctx, f, rate(benchImages, func() error {
		_, err := m.EncodePixels(ctx, pixels)
		return err
	})); err != nil {
		return err
	}
	texts := make([][]int32, benchTexts)
	for i := range texts {
		texts[i] = make([]int32, info.ContextTokens)
		for k := range texts[i] {
			texts[i][k] = int32((i*131 + k*7919) % 49000)
		}
		texts[i][info.ContextTokens-1] = int32(info.Vocabulary - 1)
	}
	f.Name, f.Unit, f.Note = "texts", "texts/s", fmt.Sprintf("%d texts of %d tokens in one call", benchTexts, info.ContextTokens)
	return r.measure(ctx, f, rate(benchTexts, func() error {
		_, err := m.EncodeTokens(ctx, texts)
		return err
	}))
}
