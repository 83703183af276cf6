package kernel

import (
	"fmt"

	"golang.org/x/sys/cpu"
)

// Level is an instruction set that the kernels are written for. A higher level includes the lower ones.
type Level int

// The levels.
const (
	Portable   Level = iota // plain Go, on every CPU
	AVX2                    // 256-bit vectors with FMA and F16C
	AVX512                  // 512-bit vectors (F, BW, DQ, VL)
	AVX512BF16              // AVX512 with bfloat16 and int8 dot products (BF16, VNNI)
)

var levelNames = [...]string{"portable", "avx2", "avx512", "avx512bf16"}

// String gives the name that ParseLevel reads.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return fmt.Sprintf("level(%d)", int(l))
	}
	return levelNames[l]
}

// ParseLevel reads "portable", "avx2", "avx512" or "avx512bf16".
func ParseLevel(name string) (Level, error) {
	for i, n := range levelNames {
		if n == name {
			return Level(i), nil
		}
	}
	return Portable, fmt.Errorf("unknown CPU level %q: want portable, avx2, avx512 or avx512bf16", name)
}

// Detect gives the highest level that this CPU and operating system run.
func Detect() Level {
	x := &cpu.X86
	if !haveAssembly || !x.HasAVX2 || !x.HasFMA || !hasF16C() {
		return Portable
	}
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL {
		return AVX2
	}
	if !x.HasAVX512BF16 || !x.HasAVX512VNNI {
		return AVX512
	}
	return AVX512BF16
}

// Levels lists the levels that this CPU runs, lowest first.
func Levels() []Level {
	var out []Level
	for l := Portable; l <= Detect(); l++ {
		out = append(out, l)
	}
	return out
}
