package kernel

import (
	"encoding/binary"
	"math"
	"testing"
)

// TestRowGivesTheValuesOfTheFile decodes GGUF blocks by the formats' definition.
func TestRowGivesTheValuesOfTheFile(t *testing.T) {
	t.Parallel()
	m := testMachine(t, Detect(), 2)
	const out, in = 19, 96
	for _, c := range []struct {
		size  int
		pack  func(out, in int, raw []byte) (*Weights, error)
		value func(b []byte, i int) float32
	}{
		{bytesQ4_0, m.PackQ4_0, func(b []byte, i int) float32 { return half(b) * float32(nibble(b[2:], i)-8) }},
		{bytesQ4_1, m.PackQ4_1, func(b []byte, i int) float32 { return half(b)*float32(nibble(b[4:], i)) + half(b[2:]) }},
		{bytesQ8_0, m.PackQ8_0, func(b []byte, i int) float32 { return half(b) * float32(int8(b[2+i])) }},
	} {
		raw := quantBytes(4, out*in/block, c.size)
		w, err := c.pack(out, in, raw)
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, in)
		for o := range out {
			w.Row(row, o)
			for k, got := range row {
				if want := c.value(raw[(o*in+k)/block*c.size:], k%block); got != want {
					t.Fatalf("%d-byte blocks: weight (%d, %d) is %g, want %g", c.size, o, k, got, want)
				}
			}
		}
	}
}

func half(b []byte) float32 { return halfToFloat(binary.LittleEndian.Uint16(b)) }

// nibble is value i of a 4-bit block: the first 16 are the low halves.
func nibble(b []byte, i int) int { return int(b[i%16]>>(i/16*4)) & 15 }

func TestPackedValuesSurvive(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, shape := range [][2]int{{1, 1}, {5, 33}, {32, 16}, {50, 71}} {
			out, in := shape[0], shape[1]
			x := randomFloats(1, out*in)
			f32, bf16 := m.PackF32(out, in, x), m.PackBF16(out, in, x)
			row := make([]float32, in)
			for o := range out {
				f32.Row(row, o)
				for k, got := range row {
					if got != x[o*in+k] {
						t.Fatalf("%v: float32 weight (%d, %d) is %g, want %g", shape, o, k, got, x[o*in+k])
					}
				}
				bf16.Row(row, o)
				for k, got := range row {
					if want := widen(bfloat(x[o*in+k])); got != want {
						t.Fatalf("%v: bfloat16 weight (%d, %d) is %g, want %g", shape, o, k, got, want)
					}
				}
			}
			if f32.Bytes() < int64(4*out*in) || bf16.Bytes() < int64(2*out*in) {
				t.Errorf("%v: too few bytes reported", shape)
			}
		}
	})
}

// FuzzPackQuants feeds any bytes and shapes: an error or weights that can be read, never a panic.
func FuzzPackQuants(f *testing.F) {
	m := testMachine(f, Detect(), 1)
	f.Add(1, 32, quantBytes(1, 1, bytesQ4_0))
	f.Add(3, 64, quantBytes(1, 6, bytesQ4_1))
	f.Add(17, 32, quantBytes(1, 17, bytesQ8_0))
	f.Add(1<<40, 1<<40, []byte{1})
	f.Add(-1, 0, []byte{})
	f.Fuzz(func(t *testing.T, out, in int, raw []byte) {
		for _, pack := range []func(int, int, []byte) (*Weights, error){m.PackQ4_0, m.PackQ4_1, m.PackQ8_0} {
			w, err := pack(out, in, raw)
			if err != nil {
				continue
			}
			row := make([]float32, in)
			w.Row(row, out-1)
			y := make([]float32, out)
			m.Linear(y, row, 1, w, nil, Epilogue{})
		}
	})
}

func TestPackQuantsRefuses(t *testing.T) {
	t.Parallel()
	m := testMachine(t, Portable, 1)
	for _, c := range []struct{ out, in, bytes int }{{0, 32, 0}, {1, 31, 18}, {1, 32, 17}, {2, 32, 18}, {math.MaxInt, 32, 18}, {1, math.MaxInt / 32 * 32, 18}} {
		if _, err := m.PackQ4_0(c.out, c.in, make([]byte, c.bytes)); err == nil {
			t.Errorf("%+v must be refused", c)
		}
	}
}
