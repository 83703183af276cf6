package kernel

import (
	"fmt"
	"testing"
	"time"
)

// benchLevels runs f at the best level, with as many threads as processors.
func benchMachine(b *testing.B) *Machine { return testMachine(b, Detect(), 0) }

func report(b *testing.B, flop float64) {
	b.ReportMetric(flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkGEMM multiplies by packed weights, the shapes of the peers' script tools/peers/gemm.py.
func BenchmarkGEMM(b *testing.B) {
	for _, kind := range []string{"f32", "bf16"} {
		for _, s := range [][3]int{{2048, 2048, 2048}, {2304, 2048, 2048}, {1020, 576, 1536}, {1020, 1536, 576}, {1020, 576, 49152}} {
			rows, in, out := s[0], s[1], s[2]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", kind, rows, in, out), func(b *testing.B) {
				benchLinear(b, kind, rows, in, out)
			})
		}
	}
}

func benchLinear(b *testing.B, kind string, rows, in, out int) {
	m := benchMachine(b)
	var s Scratch
	w := benchWeights(b, m, kind, out, in)
	x := randomFloats(1, rows*in)
	y := Float32s(rows * out)
	m.Linear(y, x, rows, w, &s, Epilogue{})
	b.SetBytes(w.Bytes())
	b.ResetTimer()
	for b.Loop() {
		m.Linear(y, x, rows, w, &s, Epilogue{})
	}
	report(b, 2*float64(rows)*float64(in)*float64(out))
}

func benchWeights(b *testing.B, m *Machine, kind string, out, in int) *Weights {
	if kind == "f32" || kind == "bf16" {
		v := make([]float32, out*in)
		for i := range v {
			v[i] = float32(i%7)*.1 - .3
		}
		if kind == "f32" {
			return m.PackF32(out, in, v)
		}
		return m.PackBF16(out, in, v)
	}
	w, _ := testWeights(b, m, kind, out, in)
	return w
}

// BenchmarkLinear has the shapes of SmolLM2-135M and MiniLM, at the rows of decoding, eight streams and a prompt.
func BenchmarkLinear(b *testing.B) {
	for _, kind := range []string{"f32", "bf16", "q4_1", "q8_0"} {
		for _, s := range [][2]int{{576, 576}, {576, 1536}, {1536, 576}, {384, 384}} {
			for _, rows := range []int{1, 8, 512} {
				b.Run(fmt.Sprintf("%s/%dx%d/rows%d", kind, s[0], s[1], rows), func(b *testing.B) {
					benchLinear(b, kind, rows, s[0], s[1])
				})
			}
		}
	}
	for _, rows := range []int{1, 8} {
		b.Run(fmt.Sprintf("q8_0/576x49152/rows%d", rows), func(b *testing.B) { benchLinear(b, "q8_0", rows, 576, 49152) })
	}
}

// wait keeps a worker busy for some microseconds.
type wait struct{ pauses int }

func (w *wait) Run(int) {
	for range w.pauses {
		pause()
	}
}

// BenchmarkDispatch is the cost of handing two parts of equal length to two threads, beyond the length of one.
func BenchmarkDispatch(b *testing.B) {
	m := testMachine(b, Portable, 2)
	w := &wait{100}
	const alone = 10000
	start := time.Now()
	for range alone {
		w.Run(0)
	}
	one := time.Since(start) / alone
	b.ResetTimer()
	for b.Loop() {
		m.Parallel(2, w)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)-float64(one), "overhead-ns")
}

// BenchmarkTokens runs all linear layers of SmolLM2-135M in Q4_1 with its Q8_0 output matrix, each with
// memory of its own: the time that decoding (rows 1 and 8) and a prompt (rows 512, logits of one) cannot go below.
func BenchmarkTokens(b *testing.B) {
	m := benchMachine(b)
	var layers [30][7]*Weights
	for l := range layers {
		for i, s := range [7][2]int{{576, 576}, {192, 576}, {192, 576}, {576, 576}, {1536, 576}, {1536, 576}, {576, 1536}} {
			layers[l][i], _ = testWeights(b, m, "q4_1", s[0], s[1])
		}
	}
	head, _ := testWeights(b, m, "q8_0", 49152, 576)
	for _, rows := range []int{1, 8, 512} {
		b.Run(fmt.Sprintf("rows%d", rows), func(b *testing.B) {
			var s Scratch
			x, h := randomFloats(1, rows*576), Float32s(rows*576)
			k, v := Float32s(rows*192), Float32s(rows*192)
			g, u := Float32s(rows*1536), Float32s(rows*1536)
			last := min(rows, 8)
			logits := Float32s(last * 49152)
			for b.Loop() {
				for _, w := range layers {
					m.LinearMany(x, rows, &s, Output{Y: h, W: w[0]}, Output{Y: k, W: w[1]}, Output{Y: v, W: w[2]})
					m.Linear(h, x, rows, w[3], &s, Epilogue{})
					m.LinearMany(x, rows, &s, Output{Y: g, W: w[4]}, Output{Y: u, W: w[5]})
					m.Linear(h, u, rows, w[6], &s, Epilogue{})
				}
				m.Linear(logits, h, last, head, &s, Epilogue{})
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// BenchmarkPack is what loading SmolLM2-135M's layers and output matrix costs.
func BenchmarkPack(b *testing.B) {
	m := benchMachine(b)
	raw4 := quantBytes(1, 576*1536/block, bytesQ4_1)
	raw8 := quantBytes(1, 49152*576/block, bytesQ8_0)
	pack := func(b *testing.B, f func() (*Weights, error)) {
		for b.Loop() {
			w, err := f()
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(w.Bytes())
		}
	}
	b.Run("q4_1/576x1536", func(b *testing.B) {
		pack(b, func() (*Weights, error) { return m.PackQ4_1(1536, 576, raw4) })
	})
	b.Run("q8_0/576x49152", func(b *testing.B) {
		pack(b, func() (*Weights, error) { return m.PackQ8_0(49152, 576, raw8) })
	})
	values := randomFloats(1, 1536*576)
	b.Run("f32/576x1536", func(b *testing.B) {
		pack(b, func() (*Weights, error) { return m.PackF32(1536, 576, values), nil })
	})
	b.Run("bf16/576x1536", func(b *testing.B) {
		pack(b, func() (*Weights, error) { return m.PackBF16(1536, 576, values), nil })
	})
}
