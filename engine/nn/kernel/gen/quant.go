package main

import "fmt"

// Offsets of kernel.quantTile.
const (
	quantA      = 8 * iota
	quantQ      // quants of the first group
	quantS      // scales of the first group
	quantC      // first row of c
	quantBlocks // blocks of 32 inputs
	quantLDA    // bytes between rows of a
	quantLDC    // bytes between rows of c
	quantRows   // rows
	quantGroups // groups of 16 outputs
	quantCols   // outputs
	quantAdd    // add to c
)

// Layout of kernel.record.
const (
	recordScale = 0
	recordSum   = 4
	recordShift = 8
	recordQ     = 16
	recordSize  = 48
)

// quantKernel is one variant of the kernel for quantised weights.
//
// Vectors hold the sums of 16 (512 bits) or 8 outputs. Registers: a float sum for each row from 0, an
// integer sum (two where chains are split) from sums, then weights and temporaries.
type quantKernel struct {
	*emitter
	bits  int
	vnni  bool
	q8    bool
	rows  int // most rows
	n     int // rows of the body being written
	sums  int // first integer sum
	w     int // weights: w low, w+1 high
	t     int // temporaries
	split bool
	half  int // 256 bits: which 8 of the 16 outputs
}

func quantFile() string {
	e := newFile()
	for _, q8 := range []bool{false, true} {
		name := map[bool]string{false: "quantQ4", true: "quantQ8"}[q8]
		(&quantKernel{emitter: e, bits: 512, vnni: true, q8: q8, rows: 8}).emit(name + "VNNI")
		(&quantKernel{emitter: e, bits: 512, q8: q8, rows: 4}).emit(name + "AVX512")
		(&quantKernel{emitter: e, bits: 256, q8: q8, rows: 4}).emit(name + "AVX2")
	}
	fill := func(v uint32) []uint32 { return []uint32{v, v, v, v, v, v, v, v} }
	e.words("nibbles", fill(0x0f0f0f0f))
	e.words("ones", fill(0x00010001))
	e.words("lanes", laneMask())
	return e.b.String()
}

// laneMask is 16 ones then 16 zeros: loaded from 4*(16-n), it selects n lanes.
func laneMask() []uint32 {
	m := make([]uint32, 32)
	for i := range 16 {
		m[i] = 0xffffffff
	}
	return m
}

func (k *quantKernel) v(i int) string {
	if k.bits == 512 {
		return z(i)
	}
	return y(i)
}

// constant is an operand: a register at 512 bits, memory at 256.
func (k *quantKernel) constant(name string) string {
	if k.bits == 512 {
		return map[string]string{"nibbles": "Z30", "ones": "Z31", "highs": "Z29"}[name]
	}
	return name + "<>(SB)"
}

func (k *quantKernel) emit(name string) {
	k.text(name, "quantTile")
	for _, o := range []struct {
		at  int
		reg string
	}{{quantQ, "BX"}, {quantS, "SI"}, {quantC, "DX"}, {quantBlocks, "R13"}, {quantLDA, "R11"}, {quantRows, "R14"}, {quantCols, "R10"}} {
		k.f("MOVQ %d(DI), %s", o.at, o.reg)
	}
	if k.bits == 512 {
		for _, c := range []struct{ word, reg string }{{"0x0f0f0f0f", "Z30"}, {"0xf0f0f0f0", "Z29"}, {"0x00010001", "Z31"}} {
			k.f("MOVL $%s, R12", c.word)
			k.f("VPBROADCASTD R12, %s", c.reg)
		}
	}
	labels := make([]string, k.rows+1)
	for r := k.rows; r >= 1; r-- {
		labels[r] = k.label()
		k.f("CMPQ R14, $%d", r)
		k.f("JEQ %s", labels[r])
	}
	k.ret()
	for r := k.rows; r >= 1; r-- {
		k.place(labels[r])
		k.body(r)
		k.ret()
	}
}

// body does all groups for n rows.
func (k *quantKernel) body(n int) {
	k.n = n
	k.split = k.vnni && n <= 2 || !k.vnni && k.q8
	k.sums = n
	k.w = n * 2
	if k.split {
		k.w = n * 3
	}
	k.t = k.w + 2
	k.f("MOVQ %d(DI), R14", quantGroups)
	loop := k.label()
	k.place(loop)
	halves := 1
	if k.bits == 256 {
		halves = 2
	}
	for k.half = range halves {
		k.group()
	}
	k.f("ADDQ $64, DX")
	k.f("SUBQ $16, R10")
	k.f("DECQ R14")
	k.f("JNZ %s", loop)
}

// size of a block in the two streams of weights.
func (k *quantKernel) quantBytes() int {
	if k.q8 {
		return 512
	}
	return 256
}

func (k *quantKernel) scaleBytes() int {
	if k.q8 {
		return 32
	}
	return 64
}

// group multiplies one group, or half a group, and stores it.
func (k *quantKernel) group() {
	k.f("MOVQ %d(DI), AX", quantA)
	k.loadRowBases(k.n)
	for r := range k.n {
		k.f("VPXOR%s %s, %s, %s", map[int]string{512: "D", 256: ""}[k.bits], k.v(r), k.v(r), k.v(r))
	}
	k.f("MOVQ R13, CX")
	loop := k.label()
	k.place(loop)
	k.block()
	k.addRowBases(k.n, fmt.Sprintf("$%d", recordSize))
	k.f("ADDQ $%d, BX", k.quantBytes())
	k.f("ADDQ $%d, SI", k.scaleBytes())
	k.f("DECQ CX")
	k.f("JNZ %s", loop)
	if k.bits == 256 && k.half == 0 { // back to the beginning for the other half
		k.f("MOVQ R13, R12")
		k.f("IMULQ $%d, R12", k.quantBytes())
		k.f("SUBQ R12, BX")
		k.f("MOVQ R13, R12")
		k.f("IMULQ $%d, R12", k.scaleBytes())
		k.f("SUBQ R12, SI")
	}
	k.store()
}

// block adds one block of 32 inputs to the float sums.
func (k *quantKernel) block() {
	sums := k.n
	if k.split {
		sums *= 2
	}
	for i := range sums {
		k.clearSum(i)
	}
	switch {
	case k.q8 && k.vnni:
		for q := range 8 {
			w := k.w + q%2
			k.f("VMOVDQU32 %d(BX), %s", 64*q, k.v(w))
			k.prefetch(64 * q)
			k.dots(w, q, k.sumSet(q%2))
		}
	case k.q8:
		for q := range 8 {
			k.unpack(64*q, false)
			k.dots(k.w, q, k.sumSet(0))
			k.dots(k.w+1, q, k.sumSet(1))
		}
	default:
		for q := range 4 {
			k.unpack(64*q, k.split)
			k.prefetch(64 * q)
			k.dots(k.w, q, k.sumSet(0))
			k.dots(k.w+1, q+4, k.sumSet(1))
		}
	}
	k.finish()
}

// sumSet is the first integer sum of a chain.
func (k *quantKernel) sumSet(chain int) int {
	if k.split {
		return k.sums + chain*k.n
	}
	return k.sums
}

func (k *quantKernel) clearSum(i int) {
	s := k.v(k.sums + i)
	switch {
	case k.q8 && k.vnni && i < k.n: // starts from the correction of the offset
		k.f("VPBROADCASTD %s, %s", rowAddress(i, recordShift), s)
	case k.bits == 512:
		k.f("VPXORD %s, %s, %s", s, s, s)
	default:
		k.f("VPXOR %s, %s, %s", s, s, s)
	}
}

// prefetch asks for weights that are needed soon. It pays where the weights come from memory: few rows.
func (k *quantKernel) prefetch(offset int) {
	if k.vnni && k.n <= 2 {
		k.f("PREFETCHT0 %d(BX)", prefetchAhead+offset)
	}
}

const prefetchAhead = 2048

// unpack loads 64 (or 32) bytes and splits their nibbles to w and w+1; the high ones stay times 16 if high is set.
func (k *quantKernel) unpack(offset int, high bool) {
	lo, hi := k.v(k.w), k.v(k.w+1)
	if k.bits == 512 {
		k.f("VMOVDQU32 %d(BX), %s", offset, hi)
		k.f("VPANDD %s, %s, %s", k.constant("nibbles"), hi, lo)
		if high {
			k.f("VPANDD %s, %s, %s", k.constant("highs"), hi, hi)
			return
		}
		k.f("VPSRLW $4, %s, %s", hi, hi)
		k.f("VPANDD %s, %s, %s", k.constant("nibbles"), hi, hi)
		return
	}
	k.f("VMOVDQU %d(BX), %s", offset+32*k.half, hi)
	k.f("VPAND %s, %s, %s", k.constant("nibbles"), hi, lo)
	k.f("VPSRLW $4, %s, %s", hi, hi)
	k.f("VPAND %s, %s, %s", k.constant("nibbles"), hi, hi)
}

// dots adds the products of one quad of inputs for all rows.
func (k *quantKernel) dots(w, quad, sums int) {
	for r := range k.n {
		a := rowAddress(r, recordQ+4*quad)
		if k.vnni {
			k.f("VPDPBUSD.BCST %s, %s, %s", a, k.v(w), k.v(sums+r))
			continue
		}
		t := k.v(k.t + r%2)
		k.f("VPBROADCASTD %s, %s", a, t)
		k.f("VPMADDUBSW %s, %s, %s", t, k.v(w), t)
		k.f("VPADDW %s, %s, %s", t, k.v(sums+r), k.v(sums+r))
	}
}

// finish brings the integer sums to float and applies the scales.
func (k *quantKernel) finish() {
	for r := range k.n {
		k.joinSums(r)
	}
	d, low := k.v(k.w), k.v(k.w+1)
	k.f("VCVTPH2PS %d(SI), %s", 16*k.half, d)
	if !k.q8 {
		k.f("VCVTPH2PS %d(SI), %s", 32+16*k.half, low)
	}
	for r := range k.n {
		s, t := k.v(k.sums+r), k.v(k.t+r%2)
		k.f("VCVTDQ2PS %s, %s", s, s)
		if k.bits == 512 {
			k.f("VMULPS.BCST %s, %s, %s", rowAddress(r, recordScale), d, t)
			k.f("VFMADD231PS %s, %s, %s", t, s, k.v(r))
			if !k.q8 {
				k.f("VFMADD231PS.BCST %s, %s, %s", rowAddress(r, recordSum), low, k.v(r))
			}
			continue
		}
		k.f("VBROADCASTSS %s, %s", rowAddress(r, recordScale), t)
		k.f("VMULPS %s, %s, %s", t, d, t)
		k.f("VFMADD231PS %s, %s, %s", t, s, k.v(r))
		if !k.q8 {
			k.f("VBROADCASTSS %s, %s", rowAddress(r, recordSum), t)
			k.f("VFMADD231PS %s, %s, %s", t, low, k.v(r))
		}
	}
}

// joinSums makes one 32-bit sum of the chains of row r.
func (k *quantKernel) joinSums(r int) {
	s, s2 := k.v(k.sums+r), k.v(k.sums+k.n+r)
	if k.vnni {
		if k.split && !k.q8 {
			k.f("VPSRAD $4, %s, %s", s2, s2)
		}
		if k.split {
			k.f("VPADDD %s, %s, %s", s2, s, s)
		}
		return
	}
	k.f("VPMADDWD %s, %s, %s", k.constant("ones"), s, s)
	if !k.q8 {
		return
	}
	t := k.v(k.t + r%2)
	k.f("VPMADDWD %s, %s, %s", k.constant("ones"), s2, s2)
	k.f("VPSLLD $4, %s, %s", s2, s2)
	k.f("VPADDD %s, %s, %s", s2, s, s)
	k.f("VPBROADCASTD %s, %s", rowAddress(r, recordShift), t)
	k.f("VPADDD %s, %s, %s", t, s, s)
}

// store writes or adds the sums to c; R10 is how many columns are left.
func (k *quantKernel) store() {
	k.f("MOVQ %d(DI), R12", quantLDC)
	mask := k.v(k.t)
	if k.bits == 512 {
		k.f("MOVL $16, R9")
		k.f("CMPQ R10, R9")
		k.f("CMOVQLT R10, R9")
		k.f("MOVL $-1, R8")
		k.f("BZHIL R9, R8, R9")
		k.f("KMOVW R9, K1")
	} else {
		k.f("MOVL $%d, R9", 8*(k.half+1))
		k.f("CMPQ R10, R9")
		k.f("CMOVQLT R10, R9")
		k.f("MOVL $%d, R8", 8*k.half)
		k.f("CMPQ R9, R8")
		k.f("CMOVQLT R8, R9")
		k.f("SUBQ R8, R9")
		k.f("LEAQ lanes<>+64(SB), R8")
		k.f("SHLQ $2, R9")
		k.f("SUBQ R9, R8")
		k.f("VMOVUPS (R8), %s", mask)
	}
	plain := k.label()
	k.f("CMPQ %d(DI), $0", quantAdd)
	k.f("MOVQ DX, R9")
	k.f("JEQ %s", plain)
	for r := range k.n {
		if k.bits == 512 {
			k.f("VADDPS (R9), %s, K1, %s", k.v(r), k.v(r))
		} else {
			k.f("VMASKMOVPS %d(R9), %s, %s", 32*k.half, mask, k.v(k.w))
			k.f("VADDPS %s, %s, %s", k.v(k.w), k.v(r), k.v(r))
		}
		k.f("ADDQ R12, R9")
	}
	k.place(plain)
	k.f("MOVQ DX, R9")
	for r := range k.n {
		if k.bits == 512 {
			k.f("VMOVUPS %s, K1, (R9)", k.v(r))
		} else {
			k.f("VMASKMOVPS %s, %s, %d(R9)", k.v(r), mask, 32*k.half)
		}
		k.f("ADDQ R12, R9")
	}
}
