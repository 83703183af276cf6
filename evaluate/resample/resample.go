// Package resample draws again from what was measured: bootstrap intervals and
// paired randomisation tests over statistics that add up.
//
// Key words: unit, table, sample, trial.
//
// A unit is what is drawn as a whole: an item, or a family of near-duplicates.
// A Table holds one row of statistics for each unit. Bootstrap and Randomize
// return a Table again, with the summed statistics of each sample or trial, and
// the caller turns each sum into a score. Tables that are passed together see
// the same draws, so that differences between them are paired.
//
// Every sample has a generator of its own, made from the seed and the sample's
// number: results are the same on any number of processors. Functions are safe
// for concurrent use and return early, with the context's error, when it ends.
package resample

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// DefaultSeed is sacrebleu's. The draws differ from numpy's all the same.
const DefaultSeed = 12345

// Options say how much is drawn.
type Options struct {
	Samples int // of the bootstrap, or trials of the randomisation; at least 1
	Seed    uint64
}

// Table holds rows of statistics.
type Table struct {
	Width int
	Data  []float64 // row after row
}

// NewTable makes a table of zeros.
func NewTable(rows, width int) Table {
	return Table{Width: width, Data: make([]float64, rows*width)}
}

// Rows is the number of rows.
func (t Table) Rows() int {
	if t.Width == 0 {
		return 0
	}
	return len(t.Data) / t.Width
}

// Row is one row, which may be written to.
func (t Table) Row(i int) []float64 { return t.Data[i*t.Width : (i+1)*t.Width : (i+1)*t.Width] }

// Add adds statistics to a row.
func (t Table) Add(i int, stats []float64) {
	row := t.Row(i)
	for j, v := range stats {
		row[j] += v
	}
}

// Sum adds up all rows.
func (t Table) Sum() []float64 {
	sum := make([]float64, t.Width)
	for i := range t.Rows() {
		for j, v := range t.Row(i) {
			sum[j] += v
		}
	}
	return sum
}

// Scores applies value to every row.
func (t Table) Scores(value func([]float64) float64) []float64 {
	out := make([]float64, t.Rows())
	for i := range out {
		out[i] = value(t.Row(i))
	}
	return out
}

// generator is the source of randomness of one sample.
func generator(seed uint64, sample int) *rand.PCG {
	// SplitMix64 sets the streams of neighbouring samples far apart.
	z := uint64(sample)*0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return rand.NewPCG(seed, z^z>>31)
}

// Each draws units with replacement, as many as there are, and tells do how
// often each was drawn. It runs samples in parallel; counts belongs to the call.
func Each(ctx context.Context, units int, o Options, do func(sample int, counts []int32)) error {
	return parallel(ctx, o.Samples, func() func(int) {
		counts := make([]int32, units)
		return func(sample int) {
			clear(counts)
			g := generator(o.Seed, sample)
			for range units {
				i, _ := bits.Mul64(g.Uint64(), uint64(units))
				counts[i]++
			}
			do(sample, counts)
		}
	})
}

// Bootstrap returns, for each table, the summed statistics of every sample.
// The tables have the same number of rows.
func Bootstrap(ctx context.Context, tables []Table, o Options) ([]Table, error) {
	out := make([]Table, len(tables))
	units := 0
	for i, t := range tables {
		out[i] = NewTable(o.Samples, t.Width)
		if i > 0 && t.Rows() != units {
			return nil, fmt.Errorf("bootstrap: tables of %d and %d units cannot be paired", units, t.Rows())
		}
		units = t.Rows()
	}
	groups := (o.Samples + groupSize - 1) / groupSize
	err := parallel(ctx, groups, func() func(int) {
		w := newWeigher(units, tables)
		return func(group int) {
			from := group * groupSize
			w.weigh(o.Seed, from, min(groupSize, o.Samples-from), out)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	return out, nil
}

// Randomize swaps the two tables' rows with probability one half each, and
// returns the summed statistics of both sides for every trial.
func Randomize(ctx context.Context, a, b Table, o Options) (left, right Table, err error) {
	if a.Rows() != b.Rows() || a.Width != b.Width {
		return Table{}, Table{}, fmt.Errorf("randomise: tables of %d and %d units cannot be paired", a.Rows(), b.Rows())
	}
	difference := NewTable(a.Rows(), a.Width)
	for i := range difference.Data {
		difference.Data[i] = a.Data[i] - b.Data[i]
	}
	sumB, total := b.Sum(), a.Sum()
	for j := range total {
		total[j] += sumB[j]
	}
	left, right = NewTable(o.Samples, a.Width), NewTable(o.Samples, a.Width)
	err = parallel(ctx, o.Samples, func() func(int) {
		return func(trial int) {
			l, r := left.Row(trial), right.Row(trial)
			copy(l, sumB)
			swap(l, difference, generator(o.Seed, trial))
			for j := range r {
				r[j] = total[j] - l[j]
			}
		}
	})
	if err != nil {
		return Table{}, Table{}, fmt.Errorf("randomise: %w", err)
	}
	return left, right, nil
}

// swap adds the rows of a random half to sum.
func swap(sum []float64, t Table, g *rand.PCG) {
	var word uint64
	data := t.Data
	for i := range t.Rows() {
		if i%64 == 0 {
			word = g.Uint64()
		}
		f := float64(word & 1)
		word >>= 1
		row := data[:t.Width]
		data = data[t.Width:]
		for j, v := range row {
			sum[j] += f * v
		}
	}
}

// parallel runs do for 0..n-1 on all processors; each worker makes its own do.
func parallel(ctx context.Context, n int, worker func() func(int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			do := worker()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// Interval is the percentile interval of resampled values, with sacrebleu's
// choice of bounds: of 1,000 values at level 0.95, the 26th from either end.
func Interval(values []float64, level float64) (low, high float64) {
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	k := int(math.Floor(float64(len(sorted)) * (1 - level) / 2 * (1 + 1e-12)))
	k = min(k, (len(sorted)-1)/2)
	return sorted[k], sorted[len(sorted)-1-k]
}

// Deviation is the standard deviation of values: of a resampled score, its
// standard error.
func Deviation(values []float64) float64 {
	n := float64(len(values))
	if n < 2 {
		return 0
	}
	mean := 0.0
	for _, v := range values {
		mean += v / n
	}
	square := 0.0
	for _, v := range values {
		square += (v - mean) * (v - mean)
	}
	return math.Sqrt(square / (n - 1))
}
