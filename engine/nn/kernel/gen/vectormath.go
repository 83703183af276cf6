package main

// exp replaces x by e^x; n and p are overwritten. NaN stays NaN.
func (v *vec) exp(x, n, p int) {
	v.set("expHigh", n)
	v.op("VMINPS", x, n, x)
	v.set("expLow", n)
	v.op("VMAXPS", x, n, x)
	v.opc("VMULPS", "log2e", x, n)
	if v.bits == 512 {
		v.f("VRNDSCALEPS $8, %s, %s", v.reg(n), v.reg(n))
	} else {
		v.f("VROUNDPS $8, %s, %s", v.reg(n), v.reg(n))
	}
	v.opc("VFNMADD231PS", "ln2High", n, x)
	v.opc("VFNMADD231PS", "ln2Low", n, x)
	v.set("1/5040", p)
	for _, c := range []string{"1/720", "1/120", "1/24", "1/6", "0.5", "1", "1"} {
		v.opc("VFMADD213PS", c, x, p)
	}
	if v.bits == 512 {
		v.op("VSCALEFPS", n, p, x)
		return
	}
	// 2^n in two factors, so that small results round to subnormals and large ones to infinity
	v.f("VCVTPS2DQ %s, %s", v.reg(n), v.reg(n))
	v.f("VPSRAD $1, %s, %s", v.reg(n), v.reg(x))
	v.op("VPSUBD", x, n, n)
	for _, r := range []int{x, n} {
		v.f("VPSLLD $23, %s, %s", v.reg(r), v.reg(r))
		v.opc("VPADDD", "1", r, r)
	}
	v.op("VMULPS", p, x, x)
	v.op("VMULPS", n, x, x)
}

// logistic divides register 0 by 1 + e^(register 6).
func (v *vec) logistic() {
	v.exp(6, 4, 5)
	v.opc("VADDPS", "1", 6, 6)
	v.op("VDIVPS", 6, 0, 0)
}

func (v *vec) silu() {
	v.op("VXORPS", 6, 6, 6)
	v.op("VSUBPS", 0, 6, 6)
	v.logistic()
}

func (v *vec) geluTanh() {
	v.op("VMULPS", 0, 0, 6)
	v.opc("VMULPS", "tanh3", 6, 6)
	v.opc("VADDPS", "1", 6, 6)
	v.op("VMULPS", 0, 6, 6)
	v.opc("VMULPS", "tanh", 6, 6)
	v.opc("VMULPS", "-2", 6, 6)
	v.logistic()
}

func (v *vec) quickGELU() {
	v.opc("VMULPS", "-quick", 0, 6)
	v.logistic()
}

// gelu is max(x,0) - |x|/2 q with q = 1 - erf(|x|/√2): no cancellation on either side.
func (v *vec) gelu() {
	v.op("VXORPS", 6, 6, 6)
	v.op("VSUBPS", 0, 6, 7)
	v.op("VMAXPS", 0, 7, 7) // |x|
	v.op("VMAXPS", 0, 6, 8) // max(x,0)
	v.op("VMULPS", 0, 0, 6)
	v.opc("VMULPS", "-0.5", 6, 6)
	v.exp(6, 4, 5)
	v.set("ep", 9)
	v.opc("VFMADD213PS", "1", 7, 9)
	v.set("1", 10)
	v.op("VDIVPS", 9, 10, 9) // t
	v.set("e5", 10)
	for _, c := range []string{"e4", "e3", "e2", "e1"} {
		v.opc("VFMADD213PS", c, 9, 10)
	}
	v.op("VMULPS", 9, 10, 10)
	v.op("VMULPS", 6, 10, 10)
	v.opc("VMULPS", "0.5", 7, 7)
	v.op("VFNMADD213PS", 8, 7, 10)
	v.move(10, 0)
}

// expSum writes e^(a x - b) and leaves the sum in out.
func (v *vec) expSum() {
	v.op("VXORPS", 11, 11, 11)
	v.each("x", func() {
		v.op("VFMSUB213PS", 12, 13, 0)
		v.exp(0, 4, 5)
		v.onlyTail(0)
		v.op("VADDPS", 0, 11, 11)
	})
	v.fold("VADDPS", 11, 4)
	v.f("VMOVSS X11, %d(DI)", vectorOut)
}

// fold reduces all lanes of r to its first; tmp is overwritten.
func (v *vec) fold(op string, r, tmp int) {
	if v.bits == 512 {
		v.f("VEXTRACTF64X4 $1, Z%d, Y%d", r, tmp)
		v.f("%s Y%d, Y%d, Y%d", op, tmp, r, r)
	}
	v.f("VEXTRACTF128 $1, Y%d, X%d", r, tmp)
	v.f("%s X%d, X%d, X%d", op, tmp, r, r)
	v.reduceX(op, r, tmp)
}

// reduce folds the inputs with body, which adds registers 0 and 1 to sum s, from start.
func (v *vec) reduce(inputs string, start float64, op string, body func(s int)) {
	pointers, regs := pointersOf(inputs)
	for s := 8; s < 12; s++ {
		if start == 0 {
			v.op("VXORPS", s, s, s)
		} else {
			v.set("-inf", s)
		}
	}
	read := func(offset int) {
		for i, p := range pointers {
			v.load(p, offset, regs[i])
		}
	}
	advance := func(n int) {
		for _, p := range pointers {
			v.f("ADDQ $%d, %s", n*v.bits/8, p)
		}
	}
	loop, rest := v.label(), v.label()
	v.f("SUBQ $%d, CX", 4*v.lanes())
	v.f("JLT %s", rest)
	v.place(loop)
	for i := range 4 {
		read(i * v.bits / 8)
		body(8 + i)
	}
	advance(4)
	v.f("SUBQ $%d, CX", 4*v.lanes())
	v.f("JGE %s", loop)
	v.place(rest)
	v.f("ADDQ $%d, CX", 4*v.lanes())
	v.overVectors(func() {
		read(0)
		body(8)
		if !v.tail {
			advance(1)
		}
	})
	v.op(op, 9, 8, 8)
	v.op(op, 11, 10, 10)
	v.op(op, 10, 8, 8)
	v.fold(op, 8, 4)
	v.f("VMOVSS X8, %d(DI)", vectorOut)
}

// maxInto keeps the larger of sum s and register 0; NaNs and absent lanes lose.
func (v *vec) maxInto(s int) {
	switch {
	case v.tail && v.bits == 512:
		v.f("VMAXPS Z%d, Z0, K1, Z%d", s, s)
		return
	case v.tail:
		v.f("VBLENDVPS Y15, Y0, Y%d, Y0", s)
	}
	v.op("VMAXPS", s, 0, s) // a NaN in the second source operand (x) is passed over
}

// find leaves in index the first element that equals a, or -1.
func (v *vec) find() {
	found, end := v.label(), v.label()
	v.f("MOVQ $0, AX")
	v.overVectors(func() {
		v.load("SI", 0, 0)
		switch {
		case v.bits == 512 && v.tail:
			v.f("VCMPPS $0, Z13, Z0, K1, K2")
			v.f("KMOVW K2, R10")
		case v.bits == 512:
			v.f("VCMPPS $0, Z13, Z0, K2")
			v.f("KMOVW K2, R10")
		default:
			v.f("VCMPPS $0, Y13, Y0, Y0")
			v.onlyTail(0)
			v.f("VMOVMSKPS Y0, R10")
		}
		v.f("TESTL R10, R10")
		v.f("JNZ %s", found)
		if !v.tail {
			v.f("ADDQ $%d, SI", v.bits/8)
			v.f("ADDQ $%d, AX", v.lanes())
		}
	})
	v.f("MOVQ $-1, AX")
	v.f("JMP %s", end)
	v.place(found)
	v.f("BSFL R10, R10")
	v.f("ADDQ R10, AX")
	v.place(end)
	v.f("MOVQ AX, %d(DI)", vectorIndex)
}

// rotateHalf turns n pairs (dst[k], x[k]) by the cosines y and the sines z.
func (v *vec) rotateHalf() {
	v.overVectors(func() {
		v.load("DX", 0, 0)
		v.load("SI", 0, 1)
		v.load("R8", 0, 2)
		v.load("R9", 0, 3)
		v.op("VMULPS", 3, 1, 4)
		v.op("VMULPS", 3, 0, 5)
		v.op("VFMSUB213PS", 4, 2, 0)
		v.op("VFMADD213PS", 5, 2, 1)
		v.store(0, "DX")
		v.store(1, "SI")
		if !v.tail {
			for _, p := range []string{"DX", "SI", "R8", "R9"} {
				v.f("ADDQ $%d, %s", v.bits/8, p)
			}
		}
	})
}

// rotatePairs turns n/2 pairs (dst[2k], dst[2k+1]) by the cosines y and the sines z. The tail reads
// cosines and sines beyond its own, which the tables are padded for.
func (v *vec) rotatePairs() {
	v.f("VMOVUPS pairs<>+0(SB), %s", v.reg(6))
	table := func(pointer string, dst int) {
		if v.bits == 512 {
			v.f("VMOVUPS (%s), Y%d", pointer, dst)
		} else {
			v.f("VMOVUPS (%s), X%d", pointer, dst)
		}
		v.f("VPERMPS %s, %s, %s", v.reg(dst), v.reg(6), v.reg(dst))
	}
	v.overVectors(func() {
		v.load("DX", 0, 0)
		table("R8", 2)
		table("R9", 3)
		v.f("VPERMILPS $0xb1, %s, %s", v.reg(0), v.reg(1))
		v.op("VMULPS", 3, 1, 1)
		v.op("VFMADDSUB213PS", 1, 2, 0)
		v.store(0, "DX")
		if !v.tail {
			v.f("ADDQ $%d, DX", v.bits/8)
			v.f("ADDQ $%d, R8", v.bits/16)
			v.f("ADDQ $%d, R9", v.bits/16)
		}
	})
}
