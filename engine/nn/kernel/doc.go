// Package kernel does the arithmetic of the engine: linear layers over weights
// packed once, attention in tiles, vector maths, and a pool of workers under
// all of it.
//
// Key words. A Machine is an instruction set (Level) with its workers; it is
// the receiver of everything heavy. Weights are the frozen matrix of a linear
// layer, packed for the kernels in one Format. A Scratch holds the buffers that
// calls reuse; its owner passes it to one call at a time.
//
// The usual path:
//
//	m, err := kernel.NewMachine(kernel.Options{Level: kernel.Detect()})
//	w := m.PackF32(out, in, values)                       // once, at load
//	m.Linear(y, x, rows, w, &scratch, kernel.Epilogue{})  // many times; no heap allocation
//
// Matrices are row-major, float32 and dense: x[rows, In] is a slice whose
// element (r, i) is x[r*In+i]. A matrix kernel (Linear, Gemm, attention)
// produces the same values at every Level up to rounding when its format is
// F32; the other formats trade that for speed.
//
// Failure. Packing raw bytes and building a Machine return errors. Everywhere
// else a slice that is too short for the stated shape is a bug in the caller and
// panics, before any memory is touched.
//
// Concurrency. A Machine may be used by many goroutines; their parallel parts
// take turns. Weights and Rotary tables are read-only after they are built. A Scratch and a
// Pages belong to one call at a time. A Task must not call Parallel.
//
// The assembly in *_amd64.s is written by the program in gen; go generate
// renews it and a test checks that it is current.
package kernel

//go:generate go run stylesprint/engine/nn/kernel/gen
