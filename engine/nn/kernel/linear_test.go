package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func testMachine(t testing.TB, l Level, threads int) *Machine {
	t.Helper()
	m, err := NewMachine(Options{Level: l, Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// eachLevel runs f at every level that the machine has.
func eachLevel(t *testing.T, f func(t *testing.T, m *Machine)) {
	t.Helper()
	for _, l := range Levels() {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			f(t, testMachine(t, l, 2))
		})
	}
}

func randomFloats(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := Float32s(n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// quantBytes is n blocks of a GGUF format with plausible scales and random quants.
func quantBytes(seed uint64, n, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	b := make([]byte, n*size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for i := 0; i < len(b); i += size {
		binary.LittleEndian.PutUint16(b[i:], 0x2000|uint16(r.Uint32())&0x83ff)
		if size == bytesQ4_1 {
			binary.LittleEndian.PutUint16(b[i+2:], 0x2800|uint16(r.Uint32())&0x83ff)
		}
	}
	return b
}

// testWeights packs random weights of one kind, and gives their exact values.
func testWeights(t testing.TB, m *Machine, kind string, out, in int) (*Weights, []float32) {
	t.Helper()
	var w *Weights
	var err error
	switch kind {
	case "f32":
		w = m.PackF32(out, in, randomFloats(3, out*in))
	case "bf16":
		w = m.PackBF16(out, in, randomFloats(3, out*in))
	case "q4_0":
		w, err = m.PackQ4_0(out, in, quantBytes(3, out*in/block, bytesQ4_0))
	case "q4_1":
		w, err = m.PackQ4_1(out, in, quantBytes(3, out*in/block, bytesQ4_1))
	case "q8_0":
		w, err = m.PackQ8_0(out, in, quantBytes(3, out*in/block, bytesQ8_0))
	}
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, out*in)
	for o := range out {
		w.Row(values[o*in:], o)
	}
	return w, values
}

// seen is what a format makes of the activations before it multiplies them.
func seen(m *Machine, f Format, x []float32, in int) []float32 {
	y := make([]float32, len(x))
	copy(y, x)
	switch {
	case f == BF16 && m.narrowActivations():
		for i, v := range x {
			y[i] = widen(bfloat(v))
		}
	case f == Q4 || f == Q8:
		rec := make([]record, len(x)/block)
		quantiseRow(rec, x)
		for i := range y {
			y[i] = float32(rec[i/block].q[i%block]) * rec[i/block].scale
		}
	}
	return y
}

// linearTolerance bounds the difference to the float64 sum, relative to the sum of magnitudes.
const linearTolerance = 2e-6

func TestLinear(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		var s Scratch
		for _, kind := range []string{"f32", "bf16", "q4_0", "q4_1", "q8_0"} {
			for _, shape := range [][2]int{{1, 32}, {16, 32}, {31, 64}, {33, 96}, {64, 288}, {97, 352}} {
				out, in := shape[0], shape[1]
				if kind == "f32" || kind == "bf16" {
					in -= 3 // odd and not a multiple of anything
				}
				w, values := testWeights(t, m, kind, out, in)
				for _, rows := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 40} {
					x := randomFloats(uint64(rows), rows*in)
					y := randomFloats(9, rows*out)
					want := append([]float32(nil), y...)
					e := Epilogue{Add: rows%2 == 0}
					if rows%3 == 0 {
						e.Bias = randomFloats(5, out)
					}
					m.Linear(y, x, rows, w, &s, e)
					checkLinear(t, fmt.Sprintf("%s %dx%d rows %d", kind, out, in, rows), y, want, seen(m, w.Format, x, in), values, rows, w, e)
				}
			}
		}
	})
}

func checkLinear(t *testing.T, name string, y, old, x, values []float32, rows int, w *Weights, e Epilogue) {
	t.Helper()
	for r := range rows {
		for o := range w.Out {
			var sum, size float64
			for k := range w.In {
				p := float64(x[r*w.In+k]) * float64(values[o*w.In+k])
				sum += p
				size += math.Abs(p)
			}
			if e.Add {
				sum += float64(old[r*w.Out+o])
			}
			if e.Bias != nil {
				sum += float64(e.Bias[o])
			}
			if d := math.Abs(sum - float64(y[r*w.Out+o])); !(d <= linearTolerance*(size+1)) {
				t.Fatalf("%s: y[%d,%d] = %g, want %g", name, r, o, y[r*w.Out+o], sum)
			}
		}
	}
}
