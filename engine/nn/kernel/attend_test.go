package kernel

import (
	"fmt"
	"math"
	"testing"
)

// Tolerances of attention, for inputs of unit variance.
const (
	attendTolerance     = 5e-6
	attendTolerance16   = 2e-2 // bfloat16 operands
	attendToleranceKV16 = 2e-2
)

// reference is attention in float64 for one sequence: q [rows, heads*d], k and v [past+rows, kv*d].
func reference(q, k, v []float32, past int, a Attention) []float64 {
	a = a.complete()
	rows := len(q) / (a.Heads * a.Dim)
	out := make([]float64, len(q))
	for r := range rows {
		for h := range a.Heads {
			g := h / (a.Heads / a.KVHeads)
			n := past + rows
			if a.Causal {
				n = past + r + 1
			}
			first := 0
			if a.Window > 0 {
				first = max(0, n-a.Window)
			}
			scores := make([]float64, n)
			top, sum := math.Inf(-1), 0.0
			for t := first; t < n; t++ {
				for i := range a.Dim {
					scores[t] += float64(q[(r*a.Heads+h)*a.Dim+i]) * float64(k[(t*a.KVHeads+g)*a.Dim+i])
				}
				scores[t] *= float64(a.Scale)
				top = max(top, scores[t])
			}
			for t := first; t < n; t++ {
				scores[t] = math.Exp(scores[t] - top)
				sum += scores[t]
			}
			for t := first; t < n; t++ {
				for i := range a.Dim {
					out[(r*a.Heads+h)*a.Dim+i] += scores[t] / sum * float64(v[(t*a.KVHeads+g)*a.Dim+i])
				}
			}
		}
	}
	return out
}

func compare(t *testing.T, name string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= tolerance) {
			t.Fatalf("%s: number %d of %d is %g, want %g", name, i, len(want), got[i], w)
		}
	}
}

func TestAttend(t *testing.T) {
	t.Parallel()
	cases := []struct {
		lengths []int
		a       Attention
	}{
		{[]int{1}, Attention{Heads: 2, Dim: 32}},
		{[]int{5, 0, 17, 33, 2}, Attention{Heads: 3, Dim: 32}},
		{[]int{64, 47, 49}, Attention{Heads: 2, Dim: 80, Causal: true}},
		{[]int{130, 7}, Attention{Heads: 4, KVHeads: 2, Dim: 64, Causal: true}},
		{[]int{270}, Attention{Heads: 1, Dim: 40}},
		{[]int{19, 35}, Attention{Heads: 2, Dim: 7, Scale: 0.4}},
		{[]int{515}, Attention{Heads: 1, Dim: 16, Causal: true}},
		{[]int{600, 3, 40}, Attention{Heads: 2, Dim: 16, Causal: true, Window: 256}},
		{[]int{330}, Attention{Heads: 2, KVHeads: 1, Dim: 24, Causal: true, Window: 31, Scale: 0.3}},
		{[]int{100}, Attention{Heads: 1, Dim: 16, Causal: true, Window: 1}},
	}
	eachLevel(t, func(t *testing.T, m *Machine) {
		var s Scratch
		for _, c := range cases {
			for _, half := range []bool{false, true} {
				c.a.BF16 = half
				checkAttend(t, m, c.lengths, c.a, &s)
			}
		}
	})
}

func checkAttend(t *testing.T, m *Machine, lengths []int, a Attention, s *Scratch) {
	t.Helper()
	full := a.complete()
	total := 0
	for _, n := range lengths {
		total += n
	}
	q := randomFloats(1, total*a.Heads*a.Dim)
	k, v := randomFloats(2, total*full.KVHeads*a.Dim), randomFloats(3, total*full.KVHeads*a.Dim)
	out := make([]float32, len(q))
	m.Attend(out, q, k, v, lengths, a, s)
	same := append([]float32(nil), q...)
	m.Attend(same, same, k, v, lengths, a, s)
	row := 0
	tolerance := attendTolerance
	if a.BF16 && m.narrowActivations() {
		tolerance = attendTolerance16
	}
	for _, n := range lengths {
		w, kv := a.Heads*a.Dim, full.KVHeads*a.Dim
		want := reference(q[row*w:(row+n)*w], k[row*kv:(row+n)*kv], v[row*kv:(row+n)*kv], 0, a)
		name := fmt.Sprintf("lengths %v %+v", lengths, a)
		compare(t, name, out[row*w:], want, tolerance)
		compare(t, name+" in place", same[row*w:], want, tolerance)
		row += n
	}
}

// TestAttendPages feeds sequences in steps of several sizes, mixed in one call, over pages in any order.
func TestAttendPages(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, f := range []Format{F32, BF16} {
			for _, a := range []Attention{
				{Heads: 3, KVHeads: 1, Dim: 32, Causal: true},
				{Heads: 1, KVHeads: 1, Dim: 18, Causal: true},
				{Heads: 2, KVHeads: 2, Dim: 34},
				{Heads: 3, KVHeads: 1, Dim: 32, Causal: true, Window: 256},
				{Heads: 2, KVHeads: 2, Dim: 18, Causal: true, Window: 33},
				{Heads: 2, KVHeads: 2, Dim: 16, Causal: true, Window: 2, Scale: 0.5},
			} {
				checkAttendPages(t, m, f, a)
			}
		}
	})
}

func checkAttendPages(t *testing.T, m *Machine, f Format, a Attention) {
	t.Helper()
	const layers, layer = 2, 1
	p, err := NewPages(PagesOptions{Layers: layers, Heads: a.KVHeads, Dim: a.Dim, Pages: 64, Format: f})
	if err != nil {
		t.Fatal(err)
	}
	steps := [][]int{{40, 1, 0}, {1, 1, 270}, {3, 16, 1}, {1, 50, 1}, {1, 1, 1}, {5, 0, 33}}
	pages := [][]int32{{63, 1, 40}, {0, 2, 3}, {10, 9, 8, 7, 6, 50, 51, 52, 53, 54, 55}}
	keys, values := make([][]float32, 3), make([][]float32, 3)
	var s Scratch
	tolerance := attendTolerance
	if f == BF16 {
		tolerance = attendToleranceKV16
	}
	for i, rows := range steps {
		total := rows[0] + rows[1] + rows[2]
		w, kv := a.Heads*a.Dim, a.KVHeads*a.Dim
		q := randomFloats(uint64(i), total*w)
		k, v := randomFloats(uint64(i+100), total*kv), randomFloats(uint64(i+200), total*kv)
		var seqs []Segment
		row := 0
		for n, r := range rows {
			seqs = append(seqs, Segment{Rows: r, Past: len(keys[n]) / kv, Pages: pages[n]})
			keys[n] = append(keys[n], k[row*kv:(row+r)*kv]...)
			values[n] = append(values[n], v[row*kv:(row+r)*kv]...)
			row += r
		}
		m.StorePages(p, 0, v, k, seqs, &s) // another layer, with other values
		m.StorePages(p, layer, k, v, seqs, &s)
		out := make([]float32, len(q))
		m.AttendPages(out, q, p, layer, seqs, a, &s)
		row = 0
		for n, r := range rows {
			want := reference(q[row*w:(row+r)*w], keys[n], values[n], seqs[n].Past, a)
			compare(t, fmt.Sprintf("%s %+v step %d sequence %d", f, a, i, n), out[row*w:], want, tolerance)
			row += r
		}
	}
}

// A window looks only at what it says: keys before it may hold anything, even where whole panels are skipped.
func TestWindowIgnoresWhatLiesBefore(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		const n, window = 700, 100
		a := Attention{Heads: 1, KVHeads: 1, Dim: 16, Causal: true, Window: window}
		q, k, v := randomFloats(1, n*16), randomFloats(2, n*16), randomFloats(3, n*16)
		var s Scratch
		want, got := make([]float32, n*16), make([]float32, n*16)
		m.Attend(want, q, k, v, []int{n}, a, &s)
		for i := range 500 * 16 {
			k[i], v[i] = 1e6*k[i], -1e6*v[i]
		}
		m.Attend(got, q, k, v, []int{n}, a, &s)
		for i := (500 + window) * 16; i < n*16; i++ {
			if math.Abs(float64(got[i]-want[i])) > attendTolerance {
				t.Fatalf("row %d: %g, want %g", i/16, got[i], want[i])
			}
		}
	})
}

func TestAttentionRefusesBadWindows(t *testing.T) {
	t.Parallel()
	for _, a := range []Attention{{Heads: 1, Dim: 8, Window: 3}, {Heads: 1, Dim: 8, Causal: true, Window: -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v must be refused", a)
				}
			}()
			a.complete()
		}()
	}
}

func TestPagesRefusesBadShapes(t *testing.T) {
	t.Parallel()
	for _, o := range []PagesOptions{{}, {Layers: 1, Heads: 1, Dim: 7, Pages: 1}, {Layers: 1, Heads: 1, Dim: 8, Pages: 1, Format: Q4}} {
		if _, err := NewPages(o); err == nil {
			t.Errorf("%+v must be refused", o)
		}
	}
}

func BenchmarkAttend(b *testing.B) {
	m := benchMachine(b)
	for _, f := range []Format{F32, BF16} {
		a := Attention{Heads: 9, KVHeads: 3, Dim: 64, Causal: true, BF16: f == BF16}
		b.Run(fmt.Sprintf("pages/%s/prompt512", f), func(b *testing.B) { benchPages(b, m, f, a, []Segment{{Rows: 512}}) })
		b.Run(fmt.Sprintf("pages/%s/decode512", f), func(b *testing.B) { benchPages(b, m, f, a, []Segment{{Rows: 1, Past: 511}}) })
		eight := make([]Segment, 8)
		for i := range eight {
			eight[i] = Segment{Rows: 1, Past: 511}
		}
		b.Run(fmt.Sprintf("pages/%s/decode8x512", f), func(b *testing.B) { benchPages(b, m, f, a, eight) })
		local := a
		local.Window = 256
		b.Run(fmt.Sprintf("pages/%s/decode2000", f), func(b *testing.B) { benchPages(b, m, f, a, []Segment{{Rows: 1, Past: 1999}}) })
		b.Run(fmt.Sprintf("pages/%s/decode2000window256", f), func(b *testing.B) { benchPages(b, m, f, local, []Segment{{Rows: 1, Past: 1999}}) })
		for _, n := range []int{24, 256} {
			b.Run(fmt.Sprintf("bert/%s/%dtokens", f, n), func(b *testing.B) {
				lengths := make([]int, 2048/n)
				for i := range lengths {
					lengths[i] = n
				}
				benchAttend(b, m, lengths, Attention{Heads: 12, Dim: 32, BF16: f == BF16})
			})
		}
	}
}

func benchAttend(b *testing.B, m *Machine, lengths []int, a Attention) {
	rows, flop := 0, 0.0
	for _, n := range lengths {
		rows += n
		flop += 4 * float64(n*n*a.Heads*a.Dim)
	}
	q, k, v := randomFloats(1, rows*a.Heads*a.Dim), randomFloats(2, rows*a.Heads*a.Dim), randomFloats(3, rows*a.Heads*a.Dim)
	out := make([]float32, len(q))
	var s Scratch
	for b.Loop() {
		m.Attend(out, q, k, v, lengths, a, &s)
	}
	report(b, flop)
}

func benchPages(b *testing.B, m *Machine, f Format, a Attention, seqs []Segment) {
	p, err := NewPages(PagesOptions{Layers: 1, Heads: a.KVHeads, Dim: a.Dim, Pages: 256, Format: f})
	if err != nil {
		b.Fatal(err)
	}
	var s Scratch
	rows, flop := 0, 0.0
	for i := range seqs {
		n := seqs[i].Past + seqs[i].Rows
		for t := 0; t < n; t += PageTokens {
			seqs[i].Pages = append(seqs[i].Pages, int32(i*32+t/PageTokens))
		}
		all := []Segment{{Rows: n, Pages: seqs[i].Pages}}
		width := n * a.KVHeads * a.Dim
		m.StorePages(p, 0, randomFloats(1, width), randomFloats(2, width), all, &s)
		rows += seqs[i].Rows
		for r := range seqs[i].Rows {
			seen := seqs[i].Past + r + 1
			if a.Window > 0 {
				seen = min(seen, a.Window)
			}
			flop += 4 * float64(seen*a.Heads*a.Dim)
		}
	}
	q := randomFloats(3, rows*a.Heads*a.Dim)
	out := make([]float32, len(q))
	b.ResetTimer()
	for b.Loop() {
		m.AttendPages(out, q, p, 0, seqs, a, &s)
	}
	report(b, flop)
}
