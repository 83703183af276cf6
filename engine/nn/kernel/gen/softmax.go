package main

// Offsets of kernel.softmaxArgs.
const (
	softmaxX      = 0
	softmaxHalf   = 8
	softmaxLDX    = 16
	softmaxLDHalf = 24
	softmaxRows   = 32
	softmaxN      = 40
	softmaxLimit  = 48
	softmaxStep   = 56
	softmaxTop    = 64
	softmaxSum    = 72
	softmaxScale  = 80
)

// Offsets of kernel.tileRowsArgs.
const (
	rowsDst = 8 * iota
	rowsSrc
	rowsLDD // bytes between rows
	rowsLDS
	rowsCount
	rowsCols
	rowsFactor // one divisor a row
)

// softmax is one chunk of a running softmax: for each row, the largest of the visible scores joins top, the
// scores become e^(scale x - top), in place or in bfloat16, and their sum goes to sum. Hidden scores become zero,
// up to the end of their vector.
func (v *vec) softmax(name string, half bool) {
	v.text(name, "softmaxArgs")
	for _, o := range []struct {
		at  int
		reg string
	}{{softmaxX, "SI"}, {softmaxHalf, "DX"}, {softmaxRows, "R8"}, {softmaxLimit, "R9"}, {softmaxTop, "R10"}, {softmaxSum, "R13"}} {
		v.f("MOVQ %d(DI), %s", o.at, o.reg)
	}
	v.f("VBROADCASTSS %d(DI), %s", softmaxScale, v.reg(13))
	row := v.label()
	v.place(row)
	// BX is how many scores are visible
	v.f("MOVQ R9, BX")
	v.f("MOVQ %d(DI), CX", softmaxN)
	v.f("CMPQ BX, CX")
	v.f("CMOVQGT CX, BX")
	v.f("XORL CX, CX")
	v.f("CMPQ BX, CX")
	v.f("CMOVQLT CX, BX")
	v.set("-inf", 8)
	v.move(8, 9)
	v.f("MOVQ SI, AX")
	v.f("MOVQ BX, CX")
	v.padded(func() {
		v.f("VMOVUPS (AX), %s", v.reg(0))
		v.maxInto(8)
	}, func() { v.f("ADDQ $%d, AX", v.bits/8) })
	v.fold("VMAXPS", 8, 4)
	v.f("VMULSS X13, X8, X8")
	v.f("VMAXSS (R10), X8, X8")
	v.f("VMOVSS X8, (R10)")
	v.f("VBROADCASTSS X8, %s", v.reg(12))
	v.op("VXORPS", 11, 11, 11)
	v.f("MOVQ SI, AX")
	v.f("MOVQ DX, R14")
	v.f("MOVQ BX, CX")
	put := func() {
		if half {
			v.vcvtneps2bf16(0, 0)
			v.f("VMOVDQU Y0, (R14)")
		} else {
			v.f("VMOVUPS %s, (AX)", v.reg(0))
		}
	}
	next := func() {
		v.f("ADDQ $%d, AX", v.bits/8)
		if half {
			v.f("ADDQ $%d, R14", v.bits/16)
		}
	}
	v.padded(func() {
		v.f("VMOVUPS (AX), %s", v.reg(0))
		v.op("VFMSUB213PS", 12, 13, 0)
		v.exp(0, 4, 5)
		v.onlyTail(0)
		v.op("VADDPS", 0, 11, 11)
		put()
		if v.tail {
			next()
		}
	}, next)
	v.zeroRest(put, next)
	v.fold("VADDPS", 11, 4)
	v.f("VMOVSS X11, (R13)")
	v.f("ADDQ $4, R10")
	v.f("ADDQ $4, R13")
	v.f("ADDQ %d(DI), R9", softmaxStep)
	v.f("ADDQ %d(DI), SI", softmaxLDX)
	v.f("ADDQ %d(DI), DX", softmaxLDHalf)
	v.f("DECQ R8")
	v.f("JNZ %s", row)
	v.ret()
}

// padded is overVectors for memory that may be read and written to the end of the last vector; next follows whole vectors.
func (v *vec) padded(body, next func()) {
	v.overVectors(func() {
		body()
		if !v.tail {
			next()
		}
	})
}

// zeroRest stores zeros from the vector after the visible scores to the end of the row.
func (v *vec) zeroRest(put, next func()) {
	loop, done := v.label(), v.label()
	v.f("MOVQ %d(DI), CX", softmaxN)
	v.f("LEAQ (SI)(CX*4), CX")
	v.place(loop)
	v.f("CMPQ AX, CX")
	v.f("JGE %s", done)
	v.op("VXORPS", 0, 0, 0)
	put()
	next()
	v.f("JMP %s", loop)
	v.place(done)
}

func (v *vec) rowsOperands() {
	for _, o := range []struct {
		at  int
		reg string
	}{{rowsDst, "DX"}, {rowsSrc, "SI"}, {rowsLDD, "R8"}, {rowsLDS, "R9"}, {rowsCount, "R10"}, {rowsFactor, "R13"}} {
		v.f("MOVQ %d(DI), %s", o.at, o.reg)
	}
}

// divideRows writes rows of src divided by their factors to dst.
func (v *vec) divideRows(name string) {
	v.text(name, "tileRowsArgs")
	v.rowsOperands()
	v.f("VMOVSS constant<>+%d(SB), X14", constantOffset("1"))
	row := v.label()
	v.place(row)
	v.f("VDIVSS (R13), X14, X13")
	v.f("VBROADCASTSS X13, %s", v.reg(13))
	v.f("MOVQ SI, AX")
	v.f("MOVQ DX, BX")
	v.f("MOVQ %d(DI), CX", rowsCols)
	v.overVectors(func() {
		v.load("AX", 0, 0)
		v.op("VMULPS", 13, 0, 0)
		v.store(0, "BX")
		if !v.tail {
			v.f("ADDQ $%d, AX", v.bits/8)
			v.f("ADDQ $%d, BX", v.bits/8)
		}
	})
	v.nextRow(row)
}

// narrowRows rounds rows to bfloat16.
func (v *vec) narrowRows(name string) {
	v.text(name, "tileRowsArgs")
	v.rowsOperands()
	row := v.label()
	v.place(row)
	v.f("MOVQ SI, AX")
	v.f("MOVQ DX, BX")
	v.f("MOVQ %d(DI), CX", rowsCols)
	v.overVectors(func() {
		v.load("AX", 0, 0)
		v.vcvtneps2bf16(0, 0)
		if v.tail {
			v.f("VMOVDQU16 Y0, K1, (BX)")
			return
		}
		v.f("VMOVDQU Y0, (BX)")
		v.f("ADDQ $64, AX")
		v.f("ADDQ $32, BX")
	})
	v.nextRow(row)
}

func (v *vec) nextRow(row string) {
	v.f("ADDQ R8, DX")
	v.f("ADDQ R9, SI")
	v.f("ADDQ $4, R13")
	v.f("DECQ R10")
	v.f("JNZ %s", row)
	v.ret()
}

// pairRows joins rows 2i and 2i+1 of src as pairs of bfloat16; the count is of pairs.
func (v *vec) pairRows(name string) {
	v.text(name, "tileRowsArgs")
	v.rowsOperands()
	row := v.label()
	v.place(row)
	v.f("MOVQ SI, AX")
	v.f("LEAQ (SI)(R9*1), R14")
	v.f("MOVQ DX, BX")
	v.f("MOVQ %d(DI), CX", rowsCols)
	v.overVectors(func() {
		v.load("AX", 0, 0)
		v.load("R14", 0, 1)
		v.joinPairs()
		v.store(0, "BX")
		if !v.tail {
			for _, p := range []string{"AX", "R14", "BX"} {
				v.f("ADDQ $64, %s", p)
			}
		}
	})
	v.f("ADDQ R9, SI")
	v.nextRow(row)
}
