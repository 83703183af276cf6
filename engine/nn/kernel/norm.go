package kernel

import "math"

// RMSNormRows writes x / √(mean(x²)+eps) * gain for each row of len(gain) to dst, which may be x.
func (m *Machine) RMSNormRows(dst, x, gain []float32, eps float32) {
	n := len(gain)
	for i := 0; i+n <= len(x); i += n {
		row, out := x[i:i+n], dst[i:i+n]
		var s float64
		for _, v := range row {
			s += float64(v) * float64(v)
		}
		f := float32(1 / math.Sqrt(s/float64(n)+float64(eps)))
		for k, v := range row {
			out[k] = v * f * gain[k]
		}
	}
}

// LayerNormRows writes (x-mean) / √(variance+eps) * gain + bias for each row of len(gain) to dst, which may be x.
func (m *Machine) LayerNormRows(dst, x, gain, bias []float32, eps float32) {
	n := len(gain)
	bias = bias[:n]
	for i := 0; i+n <= len(x); i += n {
		row, out := x[i:i+n], dst[i:i+n]
		var s, sq float64
		for _, v := range row {
			s += float64(v)
		}
		mean := s / float64(n)
		for _, v := range row {
			d := float64(v) - mean
			sq += d * d
		}
		f := float32(1 / math.Sqrt(sq/float64(n)+float64(eps)))
		for k, v := range row {
			out[k] = (v-float32(mean))*f*gain[k] + bias[k]
		}
	}
}

// SoftmaxRows replaces each row of cols values by its softmax.
func (m *Machine) SoftmaxRows(x []float32, cols int) {
	for i := 0; cols > 0 && i+cols <= len(x); i += cols {
		row := x[i : i+cols]
		top := m.Max(row)
		var s float32
		for k, v := range row {
			row[k] = exp32(v - top)
			s += row[k]
		}
		m.Scale(row, 1/s)
	}
}
