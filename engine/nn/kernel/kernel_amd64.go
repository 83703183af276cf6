package kernel

import "unsafe"

const haveAssembly = true

// Most rows of the kernels that do fewer than tileRows or quantTileRows.
const (
	denseRowsAVX2 = 6
	denseColsAVX2 = 16
	quantRowsWide = 4 // kernels without VNNI
)

func hasF16C() bool // tells whether the CPU converts half-precision floats
func pause()        // tells the CPU that this is a waiting loop

//go:noescape
func denseF32AVX512(t *tile)

//go:noescape
func denseBF16AVX512(t *tile)

//go:noescape
func denseBF16(t *tile)

//go:noescape
func denseF32AVX2(t *tile)

//go:noescape
func denseBF16AVX2(t *tile)

//go:noescape
func quantQ4VNNI(t *quantTile)

//go:noescape
func quantQ4AVX512(t *quantTile)

//go:noescape
func quantQ4AVX2(t *quantTile)

//go:noescape
func quantQ8VNNI(t *quantTile)

//go:noescape
func quantQ8AVX512(t *quantTile)

//go:noescape
func quantQ8AVX2(t *quantTile)

//go:noescape
func quantiseAVX512(t *convertArgs)

//go:noescape
func quantiseAVX2(t *convertArgs)

//go:noescape
func narrowBF16(t *convertArgs)

// quantise writes the records of x, whose length is a multiple of block.
func (m *Machine) quantise(dst []record, x []float32) {
	if m.level == Portable || len(x) < block {
		quantiseRow(dst, x)
		return
	}
	t := convertArgs{dst: unsafe.Pointer(unsafe.SliceData(dst[:len(x)/block])), src: unsafe.Pointer(unsafe.SliceData(x)), n: len(x) / block}
	if m.level >= AVX512 {
		quantiseAVX512(&t)
	} else {
		quantiseAVX2(&t)
	}
}

// narrow rounds x to bfloat16.
func (m *Machine) narrow(dst []uint16, x []float32) {
	if m.level < AVX512BF16 || len(x) == 0 {
		narrowRow(dst, x)
		return
	}
	narrowBF16(&convertArgs{dst: unsafe.Pointer(unsafe.SliceData(dst[:len(x)])), src: unsafe.Pointer(unsafe.SliceData(x)), n: len(x)})
}

// narrowActivations tells whether the bf16 kernel reads bfloat16 activations instead of float32.
func (m *Machine) narrowActivations() bool { return m.level >= AVX512BF16 }

// f32 runs the float32 kernel.
func (m *Machine) f32(t *tile) {
	switch {
	case m.level >= AVX512:
		denseF32AVX512(t)
	case m.level == AVX2:
		t.inParts(denseRowsAVX2, denseColsAVX2, func(p *tile) { denseF32AVX2(p) })
	default:
		tileF32(t)
	}
}

// bf16 runs the kernel for bfloat16 weights.
func (m *Machine) bf16(t *tile) {
	switch m.level {
	case AVX512BF16:
		denseBF16(t)
	case AVX512:
		denseBF16AVX512(t)
	case AVX2:
		t.inParts(denseRowsAVX2, denseColsAVX2, func(p *tile) { denseBF16AVX2(p) })
	default:
		tileBF16(t)
	}
}

func (m *Machine) q4(t *quantTile) {
	switch m.level {
	case AVX512BF16:
		quantQ4VNNI(t)
	case AVX512:
		t.inParts(quantRowsWide, func(p *quantTile) { quantQ4AVX512(p) })
	case AVX2:
		t.inParts(quantRowsWide, func(p *quantTile) { quantQ4AVX2(p) })
	default:
		tileQ4(t)
	}
}

func (m *Machine) q8(t *quantTile) {
	switch m.level {
	case AVX512BF16:
		quantQ8VNNI(t)
	case AVX512:
		t.inParts(quantRowsWide, func(p *quantTile) { quantQ8AVX512(p) })
	case AVX2:
		t.inParts(quantRowsWide, func(p *quantTile) { quantQ8AVX2(p) })
	default:
		tileQ8(t)
	}
}

// inParts runs f on parts of t of at most rows by cols. The columns of b lie 4 bytes apart in every format.
func (t *tile) inParts(rows, cols int, f func(*tile)) {
	p := *t
	for c := 0; c < t.cols; c += cols {
		p.b, p.cols = at(t.b, 4*c), min(cols, t.cols-c)
		for r := 0; r < t.rows; r += rows {
			p.a, p.c, p.rows = at(t.a, r*t.rs), at(t.c, r*t.ldc+4*c), min(rows, t.rows-r)
			f(&p)
		}
	}
}

func (t *quantTile) inParts(rows int, f func(*quantTile)) {
	p := *t
	for r := 0; r < t.rows; r += rows {
		p.a, p.c, p.rows = at(t.a, r*t.lda), at(t.c, r*t.ldc), min(rows, t.rows-r)
		f(&p)
	}
}
