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

//go:noescape
func transposeAVX512(t *transposeArgs)

//go:noescape
func transposeAVX2(t *transposeArgs)

//go:noescape
func softmaxAVX512(t *softmaxArgs)

//go:noescape
func softmaxBF16(t *softmaxArgs)

//go:noescape
func softmaxAVX2(t *softmaxArgs)

//go:noescape
func divideRowsAVX512(t *tileRowsArgs)

//go:noescape
func divideRowsAVX2(t *tileRowsArgs)

//go:noescape
func narrowRowsBF16(t *tileRowsArgs)

//go:noescape
func pairRowsBF16(t *tileRowsArgs)

func (m *Machine) softmaxTile(t *softmaxArgs) {
	switch {
	case t.half != nil && m.level >= AVX512BF16:
		softmaxBF16(t)
	case m.level >= AVX512:
		softmaxAVX512(t)
	case m.level == AVX2:
		softmaxAVX2(t)
	default:
		t.portable()
	}
}

func (m *Machine) divideRows(t *tileRowsArgs) {
	switch {
	case m.level >= AVX512:
		divideRowsAVX512(t)
	case m.level == AVX2:
		divideRowsAVX2(t)
	default:
		t.divide()
	}
}

// narrowRows is only called where narrowActivations holds.
func (m *Machine) narrowRows(t *tileRowsArgs) { narrowRowsBF16(t) }

// pairRows joins rows 2i and 2i+1 of src as pairs of bfloat16; t.rows counts pairs.
func (m *Machine) pairRows(t *tileRowsArgs) {
	switch {
	case t.rows == 0 || t.cols == 0:
	case m.level >= AVX512BF16:
		pairRowsBF16(t)
	default:
		t.pair()
	}
}

// transpose turns rows of 32-bit elements into columns. Columns of dst beyond rows, up to the next multiple of 16, may be overwritten.
func (m *Machine) transpose(t transposeArgs) {
	lanes := 16
	switch {
	case m.level == Portable:
		t.scalar(0)
		return
	case m.level == AVX2:
		lanes = 8
	}
	p := t
	p.cols = t.cols / lanes * lanes
	for r := 0; r < t.rows; r += lanes {
		p.dst, p.src, p.rows = at(t.dst, 4*r), at(t.src, r*t.lds), min(lanes, t.rows-r)
		switch {
		case p.cols == 0:
		case lanes == 16:
			transposeAVX512(&p)
		default:
			transposeAVX2(&p)
		}
	}
	t.scalar(p.cols)
}

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
		denseParts(t, F32)
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
		denseParts(t, BF16)
	default:
		tileBF16(t)
	}
}

// q4 runs the Q4 kernel.
func (m *Machine) q4(t *quantTile) {
	switch m.level {
	case AVX512BF16:
		quantQ4VNNI(t)
	case Portable:
		tileQ4(t)
	default:
		m.quantParts(t, Q4)
	}
}

// q8 runs the Q8 kernel.
func (m *Machine) q8(t *quantTile) {
	switch m.level {
	case AVX512BF16:
		quantQ8VNNI(t)
	case Portable:
		tileQ8(t)
	default:
		m.quantParts(t, Q8)
	}
}

// denseParts does t in the tiles of the AVX2 kernels. The columns of b lie 4 bytes apart in both formats.
func denseParts(t *tile, f Format) {
	p := *t
	for c := 0; c < t.cols; c += denseColsAVX2 {
		p.b, p.cols = at(t.b, 4*c), min(denseColsAVX2, t.cols-c)
		for r := 0; r < t.rows; r += denseRowsAVX2 {
			p.a, p.c, p.rows = at(t.a, r*t.rs), at(t.c, r*t.ldc+4*c), min(denseRowsAVX2, t.rows-r)
			if f == F32 {
				denseF32AVX2(&p)
			} else {
				denseBF16AVX2(&p)
			}
		}
	}
}

// quantParts does t in the tiles of the kernels without VNNI.
func (m *Machine) quantParts(t *quantTile, f Format) {
	p := *t
	for r := 0; r < t.rows; r += quantRowsWide {
		p.a, p.c, p.rows = at(t.a, r*t.lda), at(t.c, r*t.ldc), min(quantRowsWide, t.rows-r)
		switch {
		case f == Q4 && m.level == AVX512:
			quantQ4AVX512(&p)
		case f == Q4:
			quantQ4AVX2(&p)
		case m.level == AVX512:
			quantQ8AVX512(&p)
		default:
			quantQ8AVX2(&p)
		}
	}
}
