package engine

import (
	"context"
	"testing"

	"stylesprint/engine/nn/arch/clip"
)

func benchmarkCLIP(b *testing.B, run func(b *testing.B, c *CLIP)) {
	for _, p := range []Precision{Fast, Exact} {
		b.Run(string(p), func(b *testing.B) {
			c, err := NewRuledCLIP(Options{Precision: p})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			run(b, c)
		})
	}
}

func BenchmarkCLIPImages(b *testing.B) {
	benchmarkCLIP(b, func(b *testing.B, c *CLIP) {
		const n = 32
		pixels := make([]float32, n*c.model.PixelValues())
		clip.Noise(pixels, "pixels", 0)
		for b.Loop() {
			if _, err := c.EncodePixels(context.Background(), pixels); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
	})
}

func BenchmarkCLIPTexts(b *testing.B) {
	benchmarkCLIP(b, func(b *testing.B, c *CLIP) {
		const n = 26
		texts := make([][]int32, n)
		for i := range texts {
			texts[i] = make([]int32, 77)
			for k := range texts[i] {
				texts[i][k] = int32((i*131 + k*7919) % 49000)
			}
			texts[i][76] = 49407
		}
		for b.Loop() {
			if _, err := c.EncodeTokens(context.Background(), texts); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "texts/s")
	})
}
