package kernel

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Format is how weights are stored.
type Format int

// The formats.
const (
	F32  Format = iota // exact
	BF16               // bfloat16 weights and activations, float32 sums
	Q4                 // GGUF Q4_0 and Q4_1: 4 bits with a scale and a minimum for 32; int8 activations
	Q8                 // GGUF Q8_0: 8 bits with a scale for 32; int8 activations
)

// String names the format.
func (f Format) String() string {
	names := [...]string{"f32", "bf16", "q4", "q8"}
	if f < 0 || int(f) >= len(names) {
		return fmt.Sprintf("format(%d)", int(f))
	}
	return names[f]
}

// Shape of the packing. It is the same at every Level.
const (
	panel = 32 // outputs side by side in F32 and BF16
	group = 16 // outputs side by side in Q4 and Q8
	block = 32 // inputs that share a scale in Q4 and Q8
)

// Weights is the frozen matrix W[Out, In] of a linear layer y = x Wᵀ, packed for the kernels.
//
// F32 is [panels][In][32]. BF16 is [panels][In/2][32][2], an odd In padded with zero. Q4 and Q8 are
// [groups][In/32] blocks with, in a second stream, the blocks' scales. What stands for missing outputs of the last panel or group is never stored.
type Weights struct {
	Out, In int
	Format  Format

	f32    []float32
	bf16   []uint16
	quants []byte   // Q4: 256 bytes a block, byte [quad][output][input of quad], low nibble quad q, high nibble quad q+4. Q8: 512, value+128
	scales []uint16 // halves. Q4: 16 scales, 16 minima a block. Q8: 16 scales
}

// Bytes tells how much memory the packed values take.
func (w *Weights) Bytes() int64 {
	return int64(len(w.f32))*4 + int64(len(w.bf16))*2 + int64(len(w.quants)) + int64(len(w.scales))*2
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// blocks is how many blocks of 32 one output has.
func (w *Weights) blocks() int { return w.In / block }

// pairs is how many pairs of inputs one output has in BF16.
func (w *Weights) pairs() int { return ceilDiv(w.In, 2) }

// Block sizes of GGUF files, in bytes for 32 values.
const (
	bytesQ4_0 = 18
	bytesQ4_1 = 20
	bytesQ8_0 = 34
)

// packTask packs panels or groups in parallel.
type packTask struct {
	m    *Machine
	w    *Weights
	f32  []float32
	raw  []byte
	part func(t *packTask, p int)
}

func (t *packTask) Run(p int) { t.part(t, p) }

// PackF32 packs w[out, in].
func (m *Machine) PackF32(out, in int, w []float32) *Weights {
	p := &Weights{Out: out, In: in, Format: F32, f32: aligned[float32](ceilDiv(out, panel) * in * panel)}
	m.Parallel(ceilDiv(out, panel), &packTask{m: m, w: p, f32: w[:out*in], part: packPanelF32})
	return p
}

func packPanelF32(t *packTask, p int) {
	in := t.w.In
	t.m.packPanel(t.w.f32[p*in*panel:], rowsOf{t.f32[p*panel*in:], in, min(panel, t.w.Out-p*panel), in})
}

// PackBF16 rounds w[out, in] to bfloat16 and packs it.
func (m *Machine) PackBF16(out, in int, w []float32) *Weights {
	p := &Weights{Out: out, In: in, Format: BF16}
	p.bf16 = aligned[uint16](ceilDiv(out, panel) * p.pairs() * 2 * panel)
	m.Parallel(ceilDiv(out, panel), &packTask{m: m, w: p, f32: w[:out*in], part: packPanelBF16})
	return p
}

func packPanelBF16(t *packTask, p int) {
	in, size := t.w.In, t.w.pairs()*2*panel
	packPanel16(t.m, t.w.bf16[p*size:], make([]float32, size), rowsOf{t.f32[p*panel*in:], in, min(panel, t.w.Out-p*panel), in})
}

// rowsOf is a block of up to 32 rows.
type rowsOf struct {
	x                  []float32
	stride, rows, cols int
}

// packPanel writes rows as the columns of a panel [cols][32]. Absent rows are left as they are or repeat the last.
func (m *Machine) packPanel(dst []float32, r rowsOf) {
	if r.cols > 0 {
		m.transpose(transposeArgs{dst: data(dst), src: data(r.x), ldd: 4 * panel, lds: 4 * r.stride, rows: r.rows, cols: r.cols})
	}
}

// packPanel16 is packPanel in bfloat16: [cols/2][32][2]. stage is room for a float32 panel, cols rounded up to even.
func packPanel16(m *Machine, dst []uint16, stage []float32, r rowsOf) {
	if r.cols == 0 {
		return
	}
	m.packPanel(stage, r)
	pairs := ceilDiv(r.cols, 2)
	if r.cols%2 == 1 {
		clear(stage[r.cols*panel:][:panel])
	}
	m.pairRows(&tileRowsArgs{dst: unsafe.Pointer(&dst[0]), src: data(stage), ldd: 4 * panel, lds: 4 * panel, rows: pairs, cols: r.rows})
}

// pairsOf writes rows 2i and 2i+1 as pairs of bfloat16, ldd elements apart; a last odd row is paired with zeros.
func (m *Machine) pairsOf(dst []uint16, ldd int, r rowsOf) {
	if r.rows > 1 {
		m.pairRows(&tileRowsArgs{dst: unsafe.Pointer(&dst[0]), src: data(r.x), ldd: 2 * ldd, lds: 4 * r.stride, rows: r.rows / 2, cols: r.cols})
	}
	if r.rows%2 == 1 {
		pairRow(dst[r.rows/2*ldd:], r.x[(r.rows-1)*r.stride:][:r.cols], nil)
	}
}

// PackQ4_0 packs GGUF Q4_0 blocks, row-major by output.
func (m *Machine) PackQ4_0(out, in int, raw []byte) (*Weights, error) {
	return m.packQuants("Q4_0", out, in, raw)
}

// PackQ4_1 packs GGUF Q4_1 blocks, row-major by output.
func (m *Machine) PackQ4_1(out, in int, raw []byte) (*Weights, error) {
	return m.packQuants("Q4_1", out, in, raw)
}

// PackQ8_0 packs GGUF Q8_0 blocks, row-major by output.
func (m *Machine) PackQ8_0(out, in int, raw []byte) (*Weights, error) {
	return m.packQuants("Q8_0", out, in, raw)
}

func (m *Machine) packQuants(kind string, out, in int, raw []byte) (*Weights, error) {
	size := map[string]int{"Q4_0": bytesQ4_0, "Q4_1": bytesQ4_1, "Q8_0": bytesQ8_0}[kind]
	if out <= 0 || in <= 0 || in%block != 0 {
		return nil, fmt.Errorf("pack %s weights: shape %d x %d, want positive sizes and inputs in blocks of %d", kind, out, in, block)
	}
	if row := in / block; row > len(raw)/size || len(raw)%(row*size) != 0 || len(raw)/(row*size) != out {
		return nil, fmt.Errorf("pack %s weights of %d x %d: %d bytes given, want %d for each %d values", kind, out, in, len(raw), size, block)
	}
	w := &Weights{Out: out, In: in, Format: Q4}
	n := ceilDiv(out, group) * w.blocks()
	t := &packTask{w: w, raw: raw}
	switch kind {
	case "Q4_0":
		t.part = packGroupQ4_0
	case "Q4_1":
		t.part = packGroupQ4_1
	default:
		w.Format = Q8
		t.part = packGroupQ8
	}
	if w.Format == Q8 {
		w.quants, w.scales = aligned[byte](n*group*block), aligned[uint16](n*group)
	} else {
		w.quants, w.scales = aligned[byte](n*group*block/2), aligned[uint16](n*2*group)
	}
	m.Parallel(ceilDiv(out, group), t)
	return w, nil
}

func packGroupQ4_1(t *packTask, g int) {
	w := t.w
	nb := w.blocks()
	for o := g * group; o < min(w.Out, (g+1)*group); o++ {
		for b := range nb {
			src := t.raw[(o*nb+b)*bytesQ4_1:][:bytesQ4_1]
			s := w.scales[(g*nb+b)*2*group+o-g*group:]
			s[0], s[group] = binary.LittleEndian.Uint16(src), binary.LittleEndian.Uint16(src[2:])
			packNibbles(w.quants[(g*nb+b)*group*block/2+4*(o-g*group):], src[4:])
		}
	}
}

func packGroupQ4_0(t *packTask, g int) {
	w := t.w
	nb := w.blocks()
	for o := g * group; o < min(w.Out, (g+1)*group); o++ {
		for b := range nb {
			src := t.raw[(o*nb+b)*bytesQ4_0:][:bytesQ4_0]
			d := binary.LittleEndian.Uint16(src)
			s := w.scales[(g*nb+b)*2*group+o-g*group:]
			s[0], s[group] = d, minusEight(d)
			packNibbles(w.quants[(g*nb+b)*group*block/2+4*(o-g*group):], src[2:])
		}
	}
}

// minusEight is -8 times a half, exact unless it overflows.
func minusEight(h uint16) uint16 {
	sign, exp, man := ^h&0x8000, h>>10&0x1f, h&0x3ff
	switch {
	case exp == 0: // subnormal: shift until normal
		v := uint32(man) * 8
		if v < 0x400 {
			return sign | uint16(v)
		}
		for e := uint16(1); ; e++ {
			if v < 0x800 {
				return sign | e<<10 | uint16(v&0x3ff)
			}
			v /= 2 // the low bits are zero: v was a multiple of 8
		}
	case exp == 0x1f:
		return sign | exp<<10 | man
	case exp+3 >= 0x1f:
		return sign | 0x1f<<10
	}
	return sign | (exp+3)<<10 | man
}

// packNibbles spreads the 16 bytes of one GGUF block. There byte i holds value i low and value
// i+16 high; here byte 64*q+j holds value 4*q+j low and 16+4*q+j high, the same pairing.
func packNibbles(dst, src []byte) {
	for q := range 4 {
		copy(dst[64*q:64*q+4], src[4*q:4*q+4])
	}
}

func packGroupQ8(t *packTask, g int) {
	w := t.w
	nb := w.blocks()
	for o := g * group; o < min(w.Out, (g+1)*group); o++ {
		for b := range nb {
			src := t.raw[(o*nb+b)*bytesQ8_0:][:bytesQ8_0]
			w.scales[(g*nb+b)*group+o-g*group] = binary.LittleEndian.Uint16(src)
			dst := w.quants[(g*nb+b)*group*block+4*(o-g*group):]
			for q := range 8 {
				v := binary.LittleEndian.Uint32(src[2+4*q:]) ^ 0x80808080
				binary.LittleEndian.PutUint32(dst[64*q:], v)
			}
		}
	}
}

// Row writes the values of one output, dequantised, to dst[:In]. It is the
// look-up of a token embedding from the output matrix that shares its values.
func (w *Weights) Row(dst []float32, out int) {
	dst = dst[:w.In]
	if out < 0 || out >= w.Out {
		panic(fmt.Sprintf("kernel: row %d of weights with %d outputs", out, w.Out))
	}
	switch w.Format {
	case F32:
		col := w.f32[out/panel*w.In*panel+out%panel:]
		for k := range dst {
			dst[k] = col[k*panel]
		}
	case BF16:
		col := w.bf16[out/panel*w.pairs()*2*panel+2*(out%panel):]
		for k := range dst {
			dst[k] = widen(col[k/2*2*panel+k&1])
		}
	default:
		for b := range w.blocks() {
			w.rowBlock(dst[b*block:][:block], out, b)
		}
	}
}

// rowBlock dequantises block b of one output.
func (w *Weights) rowBlock(dst []float32, out, b int) {
	i := out/group*w.blocks() + b
	lane := out % group
	if w.Format == Q8 {
		d := halfToFloat(w.scales[i*group+lane])
		q := w.quants[i*group*block+4*lane:]
		for k := range dst {
			dst[k] = d * float32(int(q[k/4*64+k%4])-128)
		}
		return
	}
	d, low := halfToFloat(w.scales[i*2*group+lane]), halfToFloat(w.scales[i*2*group+group+lane])
	q := w.quants[i*group*block/2+4*lane:]
	for k := range 16 {
		v := q[k/4*64+k%4]
		dst[k] = d*float32(v&15) + low
		dst[k+16] = d*float32(v>>4) + low
	}
}
