package kernel

import (
	"sync/atomic"
	"testing"
	"unsafe"
)

// TestNoAllocation is not parallel: other tests' allocations would be counted.
func TestNoAllocation(t *testing.T) {
	for _, l := range Levels() {
		t.Run(l.String(), func(t *testing.T) {
			m := testMachine(t, l, 2)
			for name, f := range steadyCalls(t, m) {
				if n := testing.AllocsPerRun(5, f); n != 0 {
					t.Errorf("%s allocates %g times", name, n)
				}
			}
		})
	}
}

func steadyCalls(t *testing.T, m *Machine) map[string]func() {
	const in, out, rows = 64, 96, 20
	var s Scratch
	x, y, y2 := randomFloats(1, rows*in), Float32s(rows*out), Float32s(rows*out)
	bias, gain := randomFloats(2, out), randomFloats(3, out)
	calls := map[string]func(){}
	for _, kind := range []string{"f32", "bf16", "q4_1", "q8_0"} {
		w, _ := testWeights(t, m, kind, out, in)
		e := Epilogue{Bias: bias, Act: GELU}
		calls["linear "+kind] = func() { m.Linear(y, x, rows, w, &s, e) }
		calls["linear of one row "+kind] = func() { m.Linear(y, x, 1, w, &s, Epilogue{Add: true}) }
		calls["linears "+kind] = func() {
			m.LinearMany(x, rows, &s, Output{Y: y, W: w}, Output{Y: y2, W: w, Epilogue: Epilogue{Bias: bias}})
		}
	}
	for _, half := range []bool{false, true} {
		a := Attention{Heads: 2, Dim: 32, BF16: half}
		lengths := []int{15, 5}
		calls["attend"+map[bool]string{true: " bf16"}[half]] = func() { m.Attend(y[:rows*in], x, x, x, lengths, a, &s) }
		f := map[bool]Format{false: F32, true: BF16}[half]
		p, err := NewPages(PagesOptions{Layers: 1, Heads: 1, Dim: 32, Pages: 4, Format: f})
		if err != nil {
			t.Fatal(err)
		}
		seqs := []Segment{{Rows: 19, Pages: []int32{1}}, {Rows: 1, Past: 0, Pages: []int32{3}}}
		calls["pages "+f.String()] = func() {
			m.StorePages(p, 0, x[:rows*32], x[rows*32:], seqs, &s)
			m.AttendPages(y[:rows*in], x, p, 0, seqs, Attention{Heads: 2, Causal: true}, &s)
		}
		product := Product{M: rows, N: rows, K: in, TransB: true, BF16: half}
		calls["gemm"+map[bool]string{true: " bf16"}[half]] = func() { m.Gemm(y, x, x, product, &s) }
	}
	task := &marks{make([]atomic.Int32, 8)}
	calls["parallel"] = func() { m.Parallel(8, task) }
	big := randomFloats(4, 2*parallelFrom/out*out)
	rotary, err := NewRotary(RotaryOptions{Dim: 32, Positions: rows})
	if err != nil {
		t.Fatal(err)
	}
	positions := make([]int32, rows)
	calls["vectors"] = func() {
		m.RMSNormRows(y, y2, gain, 1e-5)
		m.LayerNormRows(big, big, gain, bias, 1e-5)
		m.SoftmaxRows(big, out)
		m.SiLUMul(big, big, big)
		m.Rotate(x, 2, positions, rotary)
		m.Exp(y, y2)
		m.LogSumExp(x)
		m.Argmax(x)
	}
	return calls
}

// TestOperandLayout pins the offsets that the generator writes into the assembly.
func TestOperandLayout(t *testing.T) {
	t.Parallel()
	var d tile
	var q quantTile
	var r record
	var v vectorArgs
	var c convertArgs
	var tr transposeArgs
	var sm softmaxArgs
	var rw tileRowsArgs
	for name, pair := range map[string][2]uintptr{
		"tile.k": {unsafe.Offsetof(d.k), 24}, "tile.add": {unsafe.Offsetof(d.add), 80},
		"quantTile.blocks": {unsafe.Offsetof(q.blocks), 32}, "quantTile.add": {unsafe.Offsetof(q.add), 80},
		"record.shift": {unsafe.Offsetof(r.shift), 8}, "record.q": {unsafe.Offsetof(r.q), 16}, "record": {unsafe.Sizeof(r), 48},
		"vectorArgs.n": {unsafe.Offsetof(v.n), 32}, "vectorArgs.b": {unsafe.Offsetof(v.b), 44}, "vectorArgs.out": {unsafe.Offsetof(v.out), 48},
		"vectorArgs.index": {unsafe.Offsetof(v.index), 56}, "convertArgs.n": {unsafe.Offsetof(c.n), 16},
		"softmaxArgs.rows": {unsafe.Offsetof(sm.rows), 32}, "softmaxArgs.sum": {unsafe.Offsetof(sm.sum), 72}, "softmaxArgs.scale": {unsafe.Offsetof(sm.scale), 80},
		"tileRowsArgs.factor": {unsafe.Offsetof(rw.factor), 48},
		"transposeArgs.ldd":   {unsafe.Offsetof(tr.ldd), 16}, "transposeArgs.cols": {unsafe.Offsetof(tr.cols), 40},
	} {
		if unsafe.Sizeof(uintptr(0)) == 8 && pair[0] != pair[1] {
			t.Errorf("%s is at %d, the assembly expects %d", name, pair[0], pair[1])
		}
	}
}
