package main

// Offsets of kernel.convertArgs.
const (
	convertDst = 8 * iota
	convertSrc
	convertN // blocks to quantise, values to narrow
)

func convertFile() string {
	e := newFile()
	e.quantise512()
	e.quantise256()
	e.narrow512()
	e.words("quantise", []uint32{0x7fffffff, 0x42fe0000, 0x0da24260}) // sign mask, 127, 1e-30
	e.words("order", []uint32{0, 4, 1, 5, 2, 6, 3, 7})
	return e.b.String()
}

func (e *emitter) convertOperands() {
	e.f("MOVQ %d(DI), DX", convertDst)
	e.f("MOVQ %d(DI), SI", convertSrc)
	e.f("MOVQ %d(DI), CX", convertN)
}

// reduceX folds the four lanes of X reg with op; X tmp is overwritten.
func (e *emitter) reduceX(op string, reg, tmp int) {
	e.f("VPSHUFD $0x4e, X%d, X%d", reg, tmp)
	e.f("%s X%d, X%d, X%d", op, tmp, reg, reg)
	e.f("VPSHUFD $0xb1, X%d, X%d", reg, tmp)
	e.f("%s X%d, X%d, X%d", op, tmp, reg, reg)
}

// scales turns the largest magnitude in X2 into the scale in X4, stored, and its inverse in X5.
func (e *emitter) scales() {
	e.f("VDIVSS X14, X2, X4")
	e.f("VMAXSS X13, X2, X2")
	e.f("VDIVSS X2, X14, X5")
	e.f("VMOVSS X4, (DX)")
}

// blockSums stores what depends on the integer sum in X6.
func (e *emitter) blockSums() {
	e.f("VCVTDQ2PS X6, X7")
	e.f("VMULSS X4, X7, X7")
	e.f("VMOVSS X7, 4(DX)")
	e.f("VPSLLD $7, X6, X6")
	e.f("VPXOR X7, X7, X7")
	e.f("VPSUBD X6, X7, X6")
	e.f("VMOVSS X6, 8(DX)")
}

func (e *emitter) quantise512() {
	e.text("quantiseAVX512", "convertArgs")
	e.convertOperands()
	e.f("VPBROADCASTD quantise<>+0(SB), Z15")
	e.f("VMOVSS quantise<>+4(SB), X14")
	e.f("VMOVSS quantise<>+8(SB), X13")
	loop := e.label()
	e.place(loop)
	e.f("VMOVUPS (SI), Z0")
	e.f("VMOVUPS 64(SI), Z1")
	e.f("VPANDD Z15, Z0, Z2")
	e.f("VPANDD Z15, Z1, Z3")
	e.f("VMAXPS Z3, Z2, Z2")
	e.f("VEXTRACTF64X4 $1, Z2, Y3")
	e.f("VMAXPS Y3, Y2, Y2")
	e.f("VEXTRACTF128 $1, Y2, X3")
	e.f("VMAXPS X3, X2, X2")
	e.reduceX("VMAXPS", 2, 3)
	e.scales()
	e.f("VBROADCASTSS X5, Z5")
	for i := range 2 {
		e.f("VMULPS Z5, Z%d, Z%d", i, i)
		e.f("VCVTPS2DQ Z%d, Z%d", i, i)
		e.f("VPMOVSDB Z%d, %d(DX)", i, recordQ+16*i)
	}
	e.f("VPADDD Z1, Z0, Z6")
	e.f("VEXTRACTI64X4 $1, Z6, Y7")
	e.f("VPADDD Y7, Y6, Y6")
	e.f("VEXTRACTI128 $1, Y6, X7")
	e.f("VPADDD X7, X6, X6")
	e.reduceX("VPADDD", 6, 7)
	e.blockSums()
	e.f("ADDQ $128, SI")
	e.f("ADDQ $%d, DX", recordSize)
	e.f("DECQ CX")
	e.f("JNZ %s", loop)
	e.ret()
}

func (e *emitter) quantise256() {
	e.text("quantiseAVX2", "convertArgs")
	e.convertOperands()
	e.f("VPBROADCASTD quantise<>+0(SB), Y15")
	e.f("VMOVSS quantise<>+4(SB), X14")
	e.f("VMOVSS quantise<>+8(SB), X13")
	e.f("VMOVDQU order<>+0(SB), Y12")
	loop := e.label()
	e.place(loop)
	for i := range 4 {
		e.f("VMOVUPS %d(SI), Y%d", 32*i, 8+i)
		e.f("VPAND Y%d, Y15, Y%d", 8+i, i)
	}
	e.f("VMAXPS Y0, Y1, Y1")
	e.f("VMAXPS Y2, Y3, Y3")
	e.f("VMAXPS Y1, Y3, Y2")
	e.f("VEXTRACTF128 $1, Y2, X3")
	e.f("VMAXPS X3, X2, X2")
	e.reduceX("VMAXPS", 2, 3)
	e.scales()
	e.f("VBROADCASTSS X5, Y5")
	for i := range 4 {
		e.f("VMULPS Y5, Y%d, Y%d", 8+i, 8+i)
		e.f("VCVTPS2DQ Y%d, Y%d", 8+i, 8+i)
	}
	e.f("VPADDD Y8, Y9, Y6")
	e.f("VPADDD Y10, Y11, Y7")
	e.f("VPADDD Y7, Y6, Y6")
	e.f("VEXTRACTI128 $1, Y6, X7")
	e.f("VPADDD X7, X6, X6")
	e.reduceX("VPADDD", 6, 7)
	e.f("VPACKSSDW Y9, Y8, Y8")
	e.f("VPACKSSDW Y11, Y10, Y10")
	e.f("VPACKSSWB Y10, Y8, Y8")
	e.f("VPERMD Y8, Y12, Y8") // the packs work within halves
	e.f("VMOVDQU Y8, %d(DX)", recordQ)
	e.blockSums()
	e.f("ADDQ $128, SI")
	e.f("ADDQ $%d, DX", recordSize)
	e.f("DECQ CX")
	e.f("JNZ %s", loop)
	e.ret()
}

// narrow512 rounds CX values to bfloat16.
func (e *emitter) narrow512() {
	e.text("narrowBF16", "convertArgs")
	e.convertOperands()
	loop, tail, done := e.label(), e.label(), e.label()
	e.f("SUBQ $16, CX")
	e.f("JLT %s", tail)
	e.place(loop)
	e.f("VMOVUPS (SI), Z0")
	e.vcvtneps2bf16(0, 0)
	e.f("VMOVDQU Y0, (DX)")
	e.f("ADDQ $64, SI")
	e.f("ADDQ $32, DX")
	e.f("SUBQ $16, CX")
	e.f("JGE %s", loop)
	e.place(tail)
	e.f("ADDQ $16, CX")
	e.f("JZ %s", done)
	e.f("MOVL $-1, R8")
	e.f("BZHIL CX, R8, R8")
	e.f("KMOVW R8, K1")
	e.f("VMOVUPS.Z (SI), K1, Z0")
	e.vcvtneps2bf16(0, 0)
	e.f("VMOVDQU16 Y0, K1, (DX)")
	e.place(done)
	e.ret()
}

// joinPairs puts bfloat16 of Z0 in the low and of Z1 in the high halves of Z0.
func (e *emitter) joinPairs() {
	e.vcvtneps2bf16(0, 0)
	e.vcvtneps2bf16(1, 1)
	e.f("VPMOVZXWD Y0, Z0")
	e.f("VPMOVZXWD Y1, Z1")
	e.f("VPSLLD $16, Z1, Z1")
	e.f("VPORD Z1, Z0, Z0")
}
