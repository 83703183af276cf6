package nn

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"stylesprint/engine/nn/kernel"
)

// fakeSource holds float32 tensors; element i of a tensor is i.
type fakeSource map[string][]int

func (s fakeSource) Names() []string {
	var names []string
	for n := range s {
		names = append(names, n)
	}
	return names
}

func (s fakeSource) Tensor(name string) (Tensor, bool) {
	shape, ok := s[name]
	if !ok {
		return Tensor{}, false
	}
	row := shape[len(shape)-1]
	convert := func(dst []float32, from, to int) ([]float32, error) {
		if strings.HasPrefix(name, "broken") {
			return nil, errors.New("cannot be read")
		}
		if cap(dst) < (to-from)*row {
			dst = make([]float32, (to-from)*row)
		}
		dst = dst[:(to-from)*row]
		for i := range dst {
			dst[i] = float32(from*row + i)
		}
		return dst, nil
	}
	return Tensor{Shape: shape, Type: "F32", Float32: convert}, true
}

func machine(t *testing.T) *kernel.Machine {
	t.Helper()
	m, err := kernel.NewMachine(kernel.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestLoaderReads(t *testing.T) {
	t.Parallel()
	for _, exact := range []bool{true, false} {
		src := fakeSource{"linear": {3, 4}, "vector": {5}, "table": {2, 3}, "words": {300, 2}, "extra": {1}}
		l := NewLoader(machine(t), src, LoaderOptions{Exact: exact})
		w := l.LinearRows("linear", 3, 4, []int{2, 0, 1})
		v := l.Vector("vector", 5)
		table := l.Table("table", 2, 3)
		words := l.Embedding("words", 300, 2)
		l.Ignore("extra")
		if err := l.Finish(); err != nil {
			t.Fatal(err)
		}
		row := make([]float32, 4)
		w.Row(row, 0)
		if !slices.Equal(row, []float32{8, 9, 10, 11}) {
			t.Errorf("row 0 is %v, want row 2 of the file", row)
		}
		if !slices.Equal(v, []float32{0, 1, 2, 3, 4}) || !slices.Equal(table, []float32{0, 1, 2, 3, 4, 5}) {
			t.Errorf("vector %v, table %v", v, table)
		}
		two := []float32{1, 1}
		words.AddRow(two, 128)
		if !slices.Equal(two, []float32{257, 258}) { // 257 needs nine bits: bfloat16 rounds before the sum
			if exact || !slices.Equal(two, []float32{257, 257}) {
				t.Errorf("exact %v: sum %v", exact, two)
			}
		}
		words.Row(two, 3)
		if !slices.Equal(two, []float32{6, 7}) {
			t.Errorf("row 3 is %v", two)
		}
		if l.Parameters() != 12+5+6+600 || l.Exact() != exact || !l.Has("words") || l.Has("nothing") {
			t.Errorf("%d parameters", l.Parameters())
		}
	}
}

// Layers side by side and transposed come apart.
func TestLoaderReadsColumns(t *testing.T) {
	t.Parallel()
	for _, exact := range []bool{true, false} {
		l := NewLoader(machine(t), fakeSource{"qkv": {3, 5}, "wide": {2, 70}}, LoaderOptions{Exact: exact})
		parts := l.LinearColumns("qkv", 3, 2, 1, 2)
		wide := l.LinearColumns("wide", 2, 70)
		if err := l.Finish(); err != nil {
			t.Fatal(err)
		}
		row := make([]float32, 3)
		for i, want := range [][]float32{{1, 6, 11}, {2, 7, 12}, {4, 9, 14}} {
			parts[i].Row(row, parts[i].Out-1)
			if !slices.Equal(row, want) || parts[i].In != 3 {
				t.Errorf("the last row of part %d is %v, want %v", i, row, want)
			}
		}
		if wide[0].Row(row[:2], 69); row[0] != 69 || row[1] != 139 {
			t.Errorf("row 69 is %v", row[:2])
		}
		if l.Parameters() != 15+140 {
			t.Errorf("%d parameters", l.Parameters())
		}
	}
}

func TestParseActivation(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]kernel.Activation{"gelu": kernel.GELU, "gelu_new": kernel.GELUTanh, "swish": kernel.SiLU} {
		if got, ok := ParseActivation(name); !ok || got != want {
			t.Errorf("%s: got %v, %t", name, got, ok)
		}
	}
	if _, ok := ParseActivation("relu"); ok {
		t.Error("relu is known")
	}
}

func TestLoaderFaults(t *testing.T) {
	t.Parallel()
	for want, use := range map[string]func(l *Loader){
		"tensor b is missing":                         func(l *Loader) { l.Vector("b", 3); l.Vector("c", 3) },
		"tensor a has the shape [3 4], want [4 3]":    func(l *Loader) { l.Linear("a", 4, 3) },
		"tensor a has the shape [3 4], want [12]":     func(l *Loader) { l.Vector("a", 12) },
		"no place for: a, broken":                     func(*Loader) {},
		"no place for: a":                             func(l *Loader) { l.Ignore("broken") },
		"tensor broken: cannot be read":               func(l *Loader) { l.Linear("broken", 2, 2) },
		"tensor a has the shape [3 4], want [3 5]":    func(l *Loader) { l.LinearColumns("a", 3, 2, 3) },
		"tensor a: wrong number of rows":              func(l *Loader) { l.LinearRows("a", 3, 4, []int{0}) },
		"a, b, c, d, e and 2 more":                    nil,
		"tensor broken has the shape [2 2], want [7]": func(l *Loader) { l.Vector("broken", 7) },
	} {
		src := fakeSource{"a": {3, 4}, "broken": {2, 2}}
		if use == nil {
			src, use = fakeSource{"a": {1}, "b": {1}, "c": {1}, "d": {1}, "e": {1}, "f": {1}, "g": {1}}, func(*Loader) {}
		}
		l := NewLoader(machine(t), src, LoaderOptions{})
		use(l)
		if err := l.Finish(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

// A matrix of quantised blocks is put in order by whole rows.
func TestReorderBlocks(t *testing.T) {
	t.Parallel()
	data := []byte{0, 0, 1, 1, 2, 2}
	if got := reorder(data, 3, []int{1, 2, 0}); !slices.Equal(got, []byte{1, 1, 2, 2, 0, 0}) {
		t.Errorf("got %v", got)
	}
	if got := reorder(data, 3, nil); &got[0] != &data[0] {
		t.Error("rows in their own order are copied")
	}
	raw := make([]byte, 2*34) // two rows of one Q8_0 block
	for r := range 2 {
		binary.LittleEndian.PutUint16(raw[34*r:], 0x3c00) // scale 1
		raw[34*r+2] = byte(r + 1)
	}
	m := machine(t)
	w, err := m.PackQ8_0(2, 32, reorder(raw, 2, []int{1, 0}))
	if err != nil {
		t.Fatal(err)
	}
	row := make([]float32, 32)
	if w.Row(row, 0); row[0] != 2 {
		t.Errorf("row 0 begins with %g, want 2", row[0])
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	c, err := NewCache(kernel.PagesOptions{Layers: 1, Heads: 1, Dim: 2, Pages: 5, Format: kernel.F32})
	if err != nil {
		t.Fatal(err)
	}
	a, ok := c.Take(nil, 3)
	if !ok || c.Free() != 2 || !slices.Equal(a, []int32{0, 1, 2}) {
		t.Errorf("took %v, %v, %d left", a, ok, c.Free())
	}
	if b, ok := c.Take(nil, 3); ok || b != nil || c.Free() != 2 {
		t.Errorf("took %v of 2 pages", b)
	}
	c.Give(a[1:])
	b, ok := c.Take(a[:1], 4)
	if !ok || c.Free() != 0 || !slices.Equal(b, []int32{0, 1, 2, 3, 4}) {
		t.Errorf("took %v, %v, %d left; want the pages given back first", b, ok, c.Free())
	}
	if _, err := NewCache(kernel.PagesOptions{}); err == nil {
		t.Error("a cache of nothing is no error")
	}
}

func TestBfloat16(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want float32 }{{1, 1}, {257, 256}, {259, 260}, {-3.1415927, -3.140625}, {float32(math.Inf(1)), float32(math.Inf(1))}} {
		if got := widen(bfloat16(c.in)); got != c.want {
			t.Errorf("%g becomes %g, want %g", c.in, got, c.want)
		}
	}
	if v := widen(bfloat16(float32(math.NaN()))); v == v {
		t.Errorf("NaN becomes %g", v)
	}
}

// Layers do what their formulas say.
func TestLayers(t *testing.T) {
	t.Parallel()
	m := machine(t)
	var s kernel.Scratch
	l := Linear{Weight: m.PackF32(2, 3, []float32{1, 2, 3, 4, 5, 6}), Bias: []float32{10, 20}}
	y := make([]float32, 2)
	l.Forward(m, y, []float32{1, 0, -1}, 1, &s)
	if !slices.Equal(y, []float32{8, 18}) {
		t.Errorf("linear: %v, want [8 18]", y)
	}
	l.ForwardAdd(m, y, []float32{1, 0, -1}, 1, &s)
	if !slices.Equal(y, []float32{16, 36}) {
		t.Errorf("linear added: %v, want [16 36]", y)
	}
	near := func(name string, got, want []float32) {
		for i, w := range want {
			if math.Abs(float64(got[i]-w)) > 1e-5 {
				t.Errorf("%s: %v, want %v", name, got, want)
				return
			}
		}
	}
	out := make([]float32, 2)
	RMSNorm{Gain: []float32{1, 2}}.Forward(m, out, []float32{3, 4})
	near("RMS norm", out, []float32{3 / 3.5355339, 8 / 3.5355339})
	LayerNorm{Gain: []float32{1, 2}, Bias: []float32{0, 1}}.Forward(m, out, []float32{3, 5})
	near("layer norm", out, []float32{-1, 3})
}

func TestGather(t *testing.T) {
	t.Parallel()
	x := []float32{0, 0, 1, 1, 2, 2, 3, 3}
	Gather(x, 2, []int32{0, 2, 3})
	if want := []float32{0, 0, 2, 2, 3, 3}; !slices.Equal(x[:6], want) {
		t.Errorf("got %v, want %v", x[:6], want)
	}
}
