package shard

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"stylesprint"
	"stylesprint/evaluate/resample"
)

func mean(row []float64) float64 { return row[0] / row[1] }

// values replicates one table and returns the means of its replicates.
func values(t *testing.T, families []string, table resample.Table) []float64 {
	t.Helper()
	_, replicates, err := replicate(t.Context(), families, []resample.Table{table})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, Replicates)
	for i := range out {
		out[i] = mean(replicates[0][i*table.Width:])
	}
	return out
}

// Weights are Poisson with mean 1, independent of one another, and a family's own.
func TestWeights(t *testing.T) {
	t.Parallel()
	const families = 2000
	w, other := make([]uint8, Replicates), make([]uint8, Replicates)
	counts := map[uint8]int{}
	sum, square, pairs, across := 0.0, 0.0, 0.0, 0.0
	for f := range families {
		weights(w, Seed, fmt.Sprint("family ", f))
		weights(other, Seed, fmt.Sprint("family ", f+1))
		for i, v := range w {
			counts[v]++
			sum += float64(v)
			square += float64(v) * float64(v)
			pairs += (float64(v) - 1) * (float64(w[(i+1)%len(w)]) - 1)
			across += (float64(v) - 1) * (float64(other[i]) - 1)
		}
	}
	const n = families * Replicates
	const se = 0.0007 // 1/sqrt(n), the standard error of a mean of n values of variance 1
	if m := sum / n; math.Abs(m-1) > 4*se {
		t.Errorf("mean %v", m)
	}
	if v := square/n - 1; math.Abs(v-1) > 8*se { // the fourth central moment is 4
		t.Errorf("variance %v", v)
	}
	if math.Abs(pairs/n) > 4*se || math.Abs(across/n) > 4*se {
		t.Errorf("correlation of neighbouring replicates %v, of families %v", pairs/n, across/n)
	}
	p := math.Exp(-1)
	for k := range uint8(6) {
		if k > 0 {
			p /= float64(k)
		}
		if got := float64(counts[k]) / n; math.Abs(got-p) > 5*math.Sqrt(p/n) {
			t.Errorf("P(%d) = %v, want %v", k, got, p)
		}
	}
	// As an own computation of SHA-256, SplitMix64 and the quantiles in Python gives them, on
	// every machine: changing them makes stored replicates worthless.
	weights(w, Seed, "a")
	weights(other, Seed, "a")
	if !slices.Equal(w, other) {
		t.Error("a family's weights differ from call to call")
	}
	weights(w, Seed, "a")
	if weights(other, Seed+1, "a"); slices.Equal(w, other) {
		t.Error("the seed makes no difference")
	}
	if want := []uint8{2, 1, 1, 1, 1, 0, 3, 2, 1, 2, 1, 1}; !slices.Equal(w[:12], want) {
		t.Errorf("weights of a: %v, want %v", w[:12], want)
	}
}

func TestWeighingAllocatesNothing(t *testing.T) {
	table, out, w := resample.NewTable(weighBlock, 11), make(Vector, 11*Replicates), make([]uint8, weighBlock*Replicates)
	if n := testing.AllocsPerRun(5, func() { weigh(out, table, 0, weighBlock, w) }); n != 0 {
		t.Errorf("weighing allocates %v times", n)
	}
}

// Replicates have the spread that theory and the usual bootstrap give: of a mean over
// families of different sizes, and of a difference of candidates that agree in part.
func TestReplicatesSpread(t *testing.T) {
	t.Parallel()
	const n = 3000
	r := rand.New(rand.NewPCG(3, 3))
	families := make([]string, n)
	a, b := resample.NewTable(n, 2), resample.NewTable(n, 2)
	for i := range n {
		families[i] = fmt.Sprint(i)
		size := float64(1 + r.IntN(4))
		level := r.NormFloat64()
		a.Add(i, []float64{size * (level + 0.5*r.NormFloat64() + 0.1), size})
		b.Add(i, []float64{size * (level + 0.5*r.NormFloat64()), size})
	}
	drawn, err := resample.Bootstrap(t.Context(), []resample.Table{a, b}, resample.Options{Samples: 1000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	va, vb := values(t, families, a), values(t, families, b)
	usualA, usualB := drawn[0].Scores(mean), drawn[1].Scores(mean)
	difference, usual := make([]float64, Replicates), make([]float64, Replicates)
	for i := range difference {
		difference[i], usual[i] = va[i]-vb[i], usualA[i]-usualB[i]
	}
	// The standard error of a standard deviation of 1,000 values is 2.2 %, of a ratio of two 3.2 %.
	const monteCarlo = 0.12
	for name, c := range map[string][2][]float64{"score": {va, usualA}, "difference": {difference, usual}} {
		got, want := resample.Deviation(c[0]), resample.Deviation(c[1])
		if math.Abs(got/want-1) > monteCarlo {
			t.Errorf("%s: standard error %v, the usual bootstrap's is %v", name, got, want)
		}
		low, high := resample.Interval(c[0], 0.95)
		l, h := resample.Interval(c[1], 0.95)
		if math.Abs(low-l) > 0.5*want || math.Abs(high-h) > 0.5*want {
			t.Errorf("%s: interval %v to %v, the usual bootstrap's %v to %v", name, low, high, l, h)
		}
	}
	if paired, apart := resample.Deviation(difference), math.Hypot(resample.Deviation(va), resample.Deviation(vb)); paired > 0.6*apart {
		t.Errorf("the difference's standard error is %v, %v without pairing", paired, apart)
	}
}

// Of 400 simulated comparisons without a difference about one in twenty is a false alarm.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	const comparisons, n = 400, 60
	alarms := 0
	for k := range comparisons {
		r := rand.New(rand.NewPCG(uint64(k), 9))
		families := make([]string, n)
		a, b := resample.NewTable(n, 3), resample.NewTable(n, 3)
		for i := range n {
			families[i] = fmt.Sprint(k, "/", i)
			level := r.NormFloat64()
			a.Add(i, []float64{level + r.NormFloat64(), 1, 1})
			b.Add(i, []float64{level + r.NormFloat64(), 1, 1})
		}
		sums, replicates, err := replicate(t.Context(), families, []resample.Table{a, b})
		if err != nil {
			t.Fatal(err)
		}
		var m [2]Metric
		for i := range m {
			m[i] = Metric{Name: "x", Sum: sums[i], Replicates: replicates[i], Families: n}
			m[i].finish(meanValue)
		}
		if difference(m[0], m[1]).P < 0.05 {
			alarms++
		}
	}
	// 0.05 of 400 is 20, with a standard deviation of 4.4.
	if alarms > 34 || alarms < 8 {
		t.Errorf("%d false alarms among %d comparisons", alarms, comparisons)
	}
}

func TestSketch(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	var all Sketch
	var parts [3]Sketch
	var list []float64
	for i := range 20000 {
		v := math.Exp(3*r.NormFloat64() - 1)
		if i%100 == 0 {
			v = 0
		}
		list = append(list, v)
		all.Add(v)
		parts[i%3].Add(v)
	}
	slices.Sort(list)
	for _, q := range []float64{0, 0.001, 0.05, 0.5, 0.95, 0.99, 1} {
		want := list[int(q*float64(len(list)-1))]
		if got := all.Quantile(q); math.Abs(got-want) > SketchError*want*(1+1e-9) {
			t.Errorf("quantile %v is %v, want %v within %v", q, got, want, SketchError)
		}
	}
	var merged Sketch
	for _, i := range []int{2, 0, 1} {
		merged.Merge(parts[i])
	}
	merged.Merge(Sketch{})
	merged.Sum = all.Sum // in another order the last bits differ
	if !reflect.DeepEqual(merged, all) {
		t.Error("merged sketches are not that of all values")
	}
	if math.Abs(all.Mean()-meanOf(list)) > 1e-9*all.Mean() || !math.IsNaN((Sketch{}).Quantile(0.5)) || (Sketch{}).Mean() != 0 {
		t.Errorf("mean %v", all.Mean())
	}
	text, err := json.Marshal(all)
	var back Sketch
	if err != nil || json.Unmarshal(text, &back) != nil || !reflect.DeepEqual(back, all) {
		t.Errorf("a sketch does not come back from JSON: %v", err)
	}
}

func meanOf(list []float64) float64 {
	sum := 0.0
	for _, v := range list {
		sum += v
	}
	return sum / float64(len(list))
}

func TestDecodeFaults(t *testing.T) {
	t.Parallel()
	good := Statistics{Version: statisticsVersion, Seed: Seed, Replicates: Replicates, Metrics: []Metric{{Name: "x", Sum: Vector{1, 2}, Values: slices.Repeat(Vector{math.NaN()}, Replicates)}}}
	body, err := good.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(body); err != nil || got.Metrics[0].Sum[1] != 2 || !math.IsNaN(got.Metrics[0].Values[7]) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(*Statistics){
		"version": func(s *Statistics) { s.Version++ },
		"seed":    func(s *Statistics) { s.Seed++ },
		"number":  func(s *Statistics) { s.Replicates = 10 },
		"sum":     func(s *Statistics) { s.Metrics[0].Sum = nil },
		"vector":  func(s *Statistics) { s.Metrics[0].Replicates = Vector{1} },
	} {
		bad := good
		bad.Metrics = slices.Clone(good.Metrics)
		change(&bad)
		body, err := bad.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(body); stylesprint.CodeOf(err) != stylesprint.CodeConflict {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	good := Statistics{Version: statisticsVersion, Seed: Seed, Replicates: Replicates, Metrics: []Metric{{Name: "x", Sum: Vector{1, 2}}}}
	body, err := good.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte("{}"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(b)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatal(err)
		}
		if err := s.Merge(s); err != nil {
			t.Fatal(err)
		}
	})
}
