package kernel

import (
	"fmt"
	"testing"
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

type nothing struct{}

func (nothing) Run(int) {}

// BenchmarkDispatch is the cost of handing work to the pool.
func BenchmarkDispatch(b *testing.B) {
	m := benchMachine(b)
	t := &nothing{}
	for b.Loop() {
		m.Parallel(2, t)
	}
}
