package kernel

import (
	"fmt"
	"math"
)

// RotaryOptions describe a rotary position embedding.
type RotaryOptions struct {
	Dim       int     // size of a head; even
	Positions int     // positions 0..Positions-1 can be rotated
	Base      float64 // frequency i is Base^(-2i/Dim); 0 means 10,000
	// Interleaved rotates the pairs (0,1), (2,3)..., as llama's weights in GGUF files ask; otherwise the
	// pairs are (i, i+Dim/2), "rotate half", as Hugging Face's do.
	Interleaved bool
	// Frequencies replaces Base^(-2i/Dim) when it is not nil: Dim/2 values, for scaled embeddings.
	Frequencies []float64
}

// Rotary holds the sines and cosines of a rotary position embedding.
type Rotary struct {
	dim         int
	interleaved bool
	cos, sin    []float32 // [position][dim/2]
}

// NewRotary computes the tables: 4*Dim*Positions bytes.
func NewRotary(o RotaryOptions) (*Rotary, error) {
	if o.Dim <= 0 || o.Dim%2 != 0 || o.Positions <= 0 {
		return nil, fmt.Errorf("rotary embedding: head size %d must be even and positive, positions %d positive", o.Dim, o.Positions)
	}
	half := o.Dim / 2
	if o.Frequencies != nil && len(o.Frequencies) != half {
		return nil, fmt.Errorf("rotary embedding: %d frequencies for a head size of %d, want %d", len(o.Frequencies), o.Dim, half)
	}
	if o.Base == 0 {
		o.Base = 10000
	}
	n := o.Positions*half + 8 // a kernel may read a vector beyond the last
	r := &Rotary{dim: o.Dim, interleaved: o.Interleaved, cos: Float32s(n), sin: Float32s(n)}
	for i := range half {
		f := math.Pow(o.Base, -2*float64(i)/float64(o.Dim))
		if o.Frequencies != nil {
			f = o.Frequencies[i]
		}
		for p := range o.Positions {
			s, c := math.Sincos(float64(p) * f)
			r.sin[p*half+i], r.cos[p*half+i] = float32(s), float32(c)
		}
	}
	return r, nil
}

// Rotate turns the heads of x[len(positions), heads*Dim] in place, each row by its position.
func (m *Machine) Rotate(x []float32, heads int, positions []int32, r *Rotary) {
	cols := heads * r.dim
	for _, p := range positions {
		_ = r.cos[int(p)*r.dim/2]
	}
	m.overRows(rowsJob{op: rowsRotate, x: x[:len(positions)*cols], cols: cols, heads: heads, positions: positions, rotary: r})
}

func (m *Machine) rotate(x []float32, heads int, positions []int32, r *Rotary) {
	half := r.dim / 2
	for i, p := range positions {
		cos, sin := r.cos[int(p)*half:][:half], r.sin[int(p)*half:][:half]
		for h := range heads {
			v := x[(i*heads+h)*r.dim:][:r.dim]
			if r.interleaved {
				m.rotatePairs(v, cos, sin)
			} else {
				m.rotateHalves(v, cos, sin)
			}
		}
	}
}

func (m *Machine) rotateHalves(v, cos, sin []float32) {
	half := len(cos)
	if m.vector(opRotateHalf, &vectorArgs{dst: data(v), x: data(v[half:]), y: data(cos), z: data(sin), n: half}) {
		return
	}
	for k, c := range cos {
		a, b := v[k], v[half+k]
		v[k], v[half+k] = a*c-b*sin[k], a*sin[k]+b*c
	}
}

func (m *Machine) rotatePairs(v, cos, sin []float32) {
	if m.vector(opRotatePairs, &vectorArgs{dst: data(v), y: data(cos), z: data(sin), n: len(v)}) {
		return
	}
	for k, c := range cos {
		a, b := v[2*k], v[2*k+1]
		v[2*k], v[2*k+1] = a*c-b*sin[k], a*sin[k]+b*c
	}
}
