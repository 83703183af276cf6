package main

import "fmt"

// Offsets of kernel.tile.
const (
	tileA    = 8 * iota
	tileB    // first step of b
	tileC    // first row of c
	tileK    // steps
	tileRS   // bytes between rows of a
	tileCS   // bytes between steps of a
	tileLDB  // bytes between steps of b
	tileLDC  // bytes between rows of c
	tileRows // rows
	tileCols // columns
	tileAdd  // add to c
)

// product is what a step of a dense kernel multiplies.
type product int

const (
	mulF32   product = iota // float32 by float32
	mulBF16                 // pairs of bfloat16, by the instruction for it
	mulWiden                // two float32 by a pair of bfloat16, widened
)

func denseFile() string {
	e := newFile()
	e.dense512("denseF32AVX512", mulF32)
	e.dense512("denseBF16AVX512", mulWiden)
	e.dense512("denseBF16", mulBF16)
	e.dense256("denseF32AVX2", mulF32)
	e.dense256("denseBF16AVX2", mulWiden)
	e.words("lanes", laneMask())
	return e.b.String()
}

// rowAddress is the operand of row r of a: three rows to a base register, the row stride in R11.
func rowAddress(r, offset int) string {
	base := []string{"AX", "R8", "R9", "R10"}[r/3]
	return fmt.Sprintf("%d(%s)", offset, base) + []string{"", "(R11*1)", "(R11*2)"}[r%3]
}

// loadRowBases fills the base registers that rows rows need, with R12 as scratch.
func (e *emitter) loadRowBases(rows int) {
	if rows > 3 {
		e.f("LEAQ (R11)(R11*2), R12")
	}
	for i := 1; 3*i < rows; i++ {
		e.f("LEAQ (%s)(R12*1), %s", []string{"AX", "R8", "R9"}[i-1], []string{"R8", "R9", "R10"}[i-1])
	}
}

func (e *emitter) addRowBases(rows int, by string) {
	for i := 0; 3*i < rows; i++ {
		e.f("ADDQ %s, %s", by, []string{"AX", "R8", "R9", "R10"}[i])
	}
}

func (e *emitter) denseOperands() {
	for _, o := range []struct {
		at  int
		reg string
	}{{tileA, "AX"}, {tileB, "BX"}, {tileC, "DX"}, {tileK, "CX"}, {tileRS, "R11"}, {tileCS, "R13"}, {tileLDB, "SI"}, {tileRows, "R14"}} {
		e.f("MOVQ %d(DI), %s", o.at, o.reg)
	}
}

// dense512 computes up to 12 rows by 32 columns with 512-bit vectors. Accumulators are Z0..Z23.
func (e *emitter) dense512(name string, p product) {
	e.text(name, "tile")
	e.denseOperands()
	// K1 and K2 are the columns present in each half.
	e.f("MOVQ %d(DI), R12", tileCols)
	e.f("MOVL $-1, R10")
	e.f("BZHIL R12, R10, R12")
	e.f("KMOVW R12, K1")
	e.f("SHRL $16, R12")
	e.f("KMOVW R12, K2")
	if p == mulWiden {
		e.f("MOVL $0xffff0000, R12")
		e.f("VPBROADCASTD R12, Z31")
	}
	labels := make([]string, 13)
	for r := 12; r >= 1; r-- {
		labels[r] = e.label()
		e.f("CMPQ R14, $%d", r)
		e.f("JEQ %s", labels[r])
	}
	e.ret()
	for r := 12; r >= 1; r-- {
		e.place(labels[r])
		e.body512(r, p)
		e.ret()
	}
}

func (e *emitter) body512(rows int, p product) {
	e.loadRowBases(rows)
	for i := range 2 * rows {
		e.f("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	loop := e.label()
	e.place(loop)
	e.step512(rows, p)
	e.addRowBases(rows, "R13")
	e.f("ADDQ SI, BX")
	e.f("DECQ CX")
	e.f("JNZ %s", loop)
	e.f("MOVQ %d(DI), SI", tileLDC)
	plain := e.label()
	e.f("CMPQ %d(DI), $0", tileAdd)
	e.f("JEQ %s", plain)
	e.f("MOVQ DX, BX")
	for r := range rows {
		e.f("VADDPS (BX), Z%d, K1, Z%d", 2*r, 2*r)
		e.f("VADDPS 64(BX), Z%d, K2, Z%d", 2*r+1, 2*r+1)
		e.f("ADDQ SI, BX")
	}
	e.place(plain)
	for r := range rows {
		e.f("VMOVUPS Z%d, K1, (DX)", 2*r)
		e.f("VMOVUPS Z%d, K2, 64(DX)", 2*r+1)
		if r+1 < rows {
			e.f("ADDQ SI, DX")
		}
	}
}

func (e *emitter) step512(rows int, p product) {
	e.f("VMOVUPS (BX), Z24")
	e.f("VMOVUPS 64(BX), Z25")
	if p == mulWiden {
		e.f("VPANDD Z31, Z24, Z26")
		e.f("VPSLLD $16, Z24, Z24")
		e.f("VPANDD Z31, Z25, Z27")
		e.f("VPSLLD $16, Z25, Z25")
	}
	for r := range rows {
		switch p {
		case mulF32:
			t := 26 + r%6
			e.f("VBROADCASTSS %s, Z%d", rowAddress(r, 0), t)
			e.f("VFMADD231PS Z24, Z%d, Z%d", t, 2*r)
			e.f("VFMADD231PS Z25, Z%d, Z%d", t, 2*r+1)
		case mulBF16:
			t := 26 + r%6
			e.f("VBROADCASTSS %s, Z%d", rowAddress(r, 0), t)
			e.vdpbf16ps(24, t, 2*r)
			e.vdpbf16ps(25, t, 2*r+1)
		case mulWiden:
			for i := range 2 {
				t := 28 + (2*r+i)%3
				e.f("VBROADCASTSS %s, Z%d", rowAddress(r, 4*i), t)
				e.f("VFMADD231PS Z%d, Z%d, Z%d", 24+2*i, t, 2*r)
				e.f("VFMADD231PS Z%d, Z%d, Z%d", 25+2*i, t, 2*r+1)
			}
		}
	}
}

// dense256 computes up to 6 rows by 16 columns with 256-bit vectors. Accumulators are Y0..Y11.
func (e *emitter) dense256(name string, p product) {
	e.text(name, "tile")
	e.denseOperands()
	labels := make([]string, 7)
	for r := 6; r >= 1; r-- {
		labels[r] = e.label()
		e.f("CMPQ R14, $%d", r)
		e.f("JEQ %s", labels[r])
	}
	e.ret()
	for r := 6; r >= 1; r-- {
		e.place(labels[r])
		e.body256(r, p)
		e.ret()
	}
}

func (e *emitter) body256(rows int, p product) {
	e.loadRowBases(rows)
	for i := range 2 * rows {
		e.f("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	loop := e.label()
	e.place(loop)
	e.step256(rows, p)
	e.addRowBases(rows, "R13")
	e.f("ADDQ SI, BX")
	e.f("DECQ CX")
	e.f("JNZ %s", loop)
	// Y14 and Y15 are the columns present in each half.
	e.f("MOVQ %d(DI), SI", tileLDC)
	e.f("MOVQ %d(DI), R12", tileCols)
	e.f("LEAQ lanes<>+64(SB), R8")
	e.f("SHLQ $2, R12")
	e.f("SUBQ R12, R8")
	e.f("VMOVUPS (R8), Y14")
	e.f("VMOVUPS 32(R8), Y15")
	plain := e.label()
	e.f("CMPQ %d(DI), $0", tileAdd)
	e.f("JEQ %s", plain)
	e.f("MOVQ DX, BX")
	for r := range rows {
		for h := range 2 {
			e.f("VMASKMOVPS %d(BX), Y%d, Y12", 32*h, 14+h)
			e.f("VADDPS Y12, Y%d, Y%d", 2*r+h, 2*r+h)
		}
		e.f("ADDQ SI, BX")
	}
	e.place(plain)
	for r := range rows {
		for h := range 2 {
			e.f("VMASKMOVPS Y%d, Y%d, %d(DX)", 2*r+h, 14+h, 32*h)
		}
		if r+1 < rows {
			e.f("ADDQ SI, DX")
		}
	}
}

func (e *emitter) step256(rows int, p product) {
	if p == mulF32 {
		e.f("VMOVUPS (BX), Y12")
		e.f("VMOVUPS 32(BX), Y13")
		for r := range rows {
			t := 14 + r%2
			e.f("VBROADCASTSS %s, Y%d", rowAddress(r, 0), t)
			e.f("VFMADD231PS Y12, Y%d, Y%d", t, 2*r)
			e.f("VFMADD231PS Y13, Y%d, Y%d", t, 2*r+1)
		}
		return
	}
	for h := range 2 {
		e.f("VMOVUPS %d(BX), Y12", 32*h)
		e.f("VPSRLD $16, Y12, Y13")
		e.f("VPSLLD $16, Y12, Y12")
		e.f("VPSLLD $16, Y13, Y13")
		for r := range rows {
			for i := range 2 {
				e.f("VBROADCASTSS %s, Y%d", rowAddress(r, 4*i), 14+i)
				e.f("VFMADD231PS Y%d, Y%d, Y%d", 12+i, 14+i, 2*r+h)
			}
		}
	}
}
