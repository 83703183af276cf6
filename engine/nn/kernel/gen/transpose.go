package main

// Offsets of kernel.transposeArgs.
const (
	transposeDst  = 8 * iota
	transposeSrc  // first row
	transposeLDD  // bytes between rows of dst
	transposeLDS  // bytes between rows of src
	transposeRows // rows present; the last stands in for the others
	transposeCols // a multiple of the lanes
)

func transposeFile() string {
	e := newFile()
	e.transpose("transposeAVX512", 512)
	e.transpose("transposeAVX2", 256)
	return e.b.String()
}

// transpose turns up to n rows of src into n columns of dst, n being the 32-bit lanes of a vector.
func (e *emitter) transpose(name string, bits int) {
	n := bits / 32
	e.text(name, "transposeArgs")
	for _, o := range []struct {
		at  int
		reg string
	}{{transposeDst, "DX"}, {transposeSrc, "SI"}, {transposeLDD, "R8"}, {transposeLDS, "R9"}, {transposeRows, "R10"}, {transposeCols, "CX"}} {
		e.f("MOVQ %d(DI), %s", o.at, o.reg)
	}
	loop := e.label()
	e.place(loop)
	e.f("MOVQ SI, AX")
	reg := z
	if bits == 256 {
		reg = y
	}
	for i := range n {
		e.f("VMOVUPS (AX), %s", reg(i))
		if i+1 < n {
			e.f("LEAQ (AX)(R9*1), BX")
			e.f("CMPQ R10, $%d", i+1)
			e.f("CMOVQGT BX, AX")
		}
	}
	// Pairs of rows to n..2n-1, then fours back to 0..n-1: register 4j+c holds, in its 128-bit lane l,
	// column 4l+c of rows 4j..4j+3.
	for i := 0; i < n; i += 2 {
		e.f("VUNPCKLPS %s, %s, %s", reg(i+1), reg(i), reg(n+i))
		e.f("VUNPCKHPS %s, %s, %s", reg(i+1), reg(i), reg(n+i+1))
	}
	for j := 0; j < n; j += 4 {
		for c := range 2 {
			e.f("VUNPCKLPD %s, %s, %s", reg(n+j+2+c), reg(n+j+c), reg(j+2*c))
			e.f("VUNPCKHPD %s, %s, %s", reg(n+j+2+c), reg(n+j+c), reg(j+2*c+1))
		}
	}
	columns := n
	if bits == 512 {
		e.gatherLanes512()
		columns = 0
	} else {
		for c := range 4 {
			e.f("VPERM2F128 $0x20, Y%d, Y%d, Y%d", 4+c, c, 8+c)
			e.f("VPERM2F128 $0x31, Y%d, Y%d, Y%d", 4+c, c, 12+c)
		}
	}
	for i := range n {
		e.f("VMOVUPS %s, (DX)", reg(columns+i))
		e.f("ADDQ R8, DX")
	}
	e.f("ADDQ $%d, SI", bits/8)
	e.f("SUBQ $%d, CX", n)
	e.f("JNZ %s", loop)
	e.ret()
}

// gatherLanes512 puts column i in register i.
func (e *emitter) gatherLanes512() {
	for c := range 4 {
		e.f("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 4+c, c, 16+c)    // even lanes of rows 0..7
		e.f("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 4+c, c, 20+c)    // odd lanes
		e.f("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 12+c, 8+c, 24+c) // of rows 8..15
		e.f("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 12+c, 8+c, 28+c)
	}
	for c := range 4 {
		e.f("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 24+c, 16+c, c)
		e.f("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 24+c, 16+c, 8+c)
		e.f("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 28+c, 20+c, 4+c)
		e.f("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 28+c, 20+c, 12+c)
	}
}
