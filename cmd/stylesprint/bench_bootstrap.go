package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// benchBootstrap measures the paired tests of two systems' BLEU, from the statistics that
// scoring leaves behind to the interval and the p value.
func benchBootstrap(ctx context.Context, r *benchRun) error {
	samples, err := scoreSamples(2 * benchSegments)
	if err != nil {
		return err
	}
	bleu, err := metric.NewBLEU(metric.BLEUOptions{})
	if err != nil {
		return err
	}
	var tables []resample.Table
	for _, half := range [][]metric.Sample{samples[:benchSegments], samples[benchSegments:]} {
		ms, err := bleu.Measure(ctx, half)
		if err != nil {
			return err
		}
		t := resample.NewTable(len(ms), bleu.Info().Width)
		for i, m := range ms {
			t.Add(i, m.Stats)
		}
		tables = append(tables, t)
	}
	delta := bleu.Value(tables[1].Sum()) - bleu.Value(tables[0].Sum())
	note := fmt.Sprintf("two systems of %d segments, from statistics to interval and p", benchSegments)
	bootstrap := func() error {
		sums, err := resample.Bootstrap(ctx, tables, resample.Options{Samples: 1000, Seed: resample.DefaultSeed})
		if err != nil {
			return err
		}
		a, b := sums[0].Scores(bleu.Value), sums[1].Scores(bleu.Value)
		for i := range b {
			b[i] -= a[i]
		}
		resample.UnitsInterval(b, 0.95, benchSegments)
		resample.BootstrapP(b, delta, resample.SkipTies)
		return nil
	}
	randomize := func() error {
		left, right, err := resample.Randomize(ctx, tables[0], tables[1], resample.Options{Samples: 10000, Seed: resample.DefaultSeed})
		if err != nil {
			return err
		}
		trials := make([]float64, left.Rows())
		for i := range trials {
			trials[i] = math.Abs(bleu.Value(left.Row(i)) - bleu.Value(right.Row(i)))
		}
		resample.PValue(trials, math.Abs(delta), resample.SkipTies)
		return nil
	}
	if err := r.measure(ctx, figure{Name: "paired bootstrap 1,000", Unit: "s", Note: note}, seconds(bootstrap)); err != nil {
		return err
	}
	return r.measure(ctx, figure{Name: "paired randomization 10,000", Unit: "s", Note: note}, seconds(randomize))
}

// seconds times work.
func seconds(work func() error) func() (float64, error) {
	return func() (float64, error) {
		start := time.Now()
		err := work()
		return time.Since(start).Seconds(), err
	}
}
