package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"stylesprint/catalogue/demo"
	"stylesprint/evaluate/metric"
)

// benchSegments is how many segments benchScore scores at a time.
const benchSegments = 20_000

// terSegments are fewer: its search for shifts takes a hundred times as long.
const terSegments = 2_000

// benchScore measures metrics over segments of the length of product
// descriptions: the demo catalogue's, with words dropped and swapped.
func benchScore(ctx context.Context, r *benchRun) error {
	samples, err := scoreSamples(benchSegments)
	if err != nil {
		return err
	}
	bleu, err := metric.NewBLEU(metric.BLEUOptions{})
	if err != nil {
		return err
	}
	f := figure{Name: "bleu 13a", Unit: "segments/s", Note: descriptions(len(samples))}
	if err := r.measure(ctx, f, rate(float64(len(samples)), func() error {
		_, err := bleu.Report(ctx, metric.SamplesOf(samples), nil)
		return err
	})); err != nil {
		return err
	}
	for _, name := range []string{"chrf", "chrf++", "ter", "rouge-1", "rouge-l", "distinct-2", "self-bleu"} {
		if err := benchMetric(ctx, r, name, samples); err != nil {
			return err
		}
	}
	return benchBootstrap(ctx, r)
}

// benchMetric measures a metric by its name.
func benchMetric(ctx context.Context, r *benchRun, name string, samples []metric.Sample) error {
	if name == "ter" {
		samples = samples[:terSegments]
	}
	m, err := metric.New(ctx, name, metric.Options{})
	if err != nil {
		return err
	}
	f := figure{Name: name, Unit: "segments/s", Note: descriptions(len(samples))}
	return r.measure(ctx, f, rate(float64(len(samples)), func() error {
		_, err := metric.Report(ctx, []metric.Metric{m}, metric.SamplesOf(samples), nil)
		return err
	}))
}

func descriptions(n int) string { return fmt.Sprintf("%d descriptions, one reference each", n) }

func scoreSamples(n int) ([]metric.Sample, error) {
	products, err := demo.Products()
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]metric.Sample, 0, n)
	for len(out) < n {
		p := products[len(out)%len(products)]
		reference := p.Descriptions[rng.IntN(len(p.Descriptions))]
		words := strings.Fields(reference)
		rng.Shuffle(len(words)/8, func(i, j int) { words[i], words[j] = words[j], words[i] })
		out = append(out, metric.Sample{Hypothesis: strings.Join(words[:len(words)-rng.IntN(4)], " "), References: []string{reference}})
	}
	return out, nil
}
