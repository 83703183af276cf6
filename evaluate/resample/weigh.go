package resample

import "math/bits"

// A group of samples is weighed together: each row of statistics is read once for
// all of them, and sums are kept in registers for two columns of four samples.
const (
	groupSize = 4
	blockRows = 256 // rows whose columns and counts fit into the first cache
	// stride is the distance between columns: a power of two would put all of
	// them into the same few lines of the cache.
	stride = blockRows + 8
)

// weigher sums the rows of tables, each as often as it was drawn. It belongs to one worker
// and allocates nothing once made.
type weigher struct {
	tables []Table
	units  int
	counts [groupSize][]float64
	block  [][stride]float64    // the columns of a block; one more where their number is odd
	sums   [][groupSize]float64 // by column
}

func newWeigher(units int, tables []Table) *weigher {
	w := &weigher{tables: tables, units: units}
	width := 0
	for _, t := range tables {
		width += t.Width
	}
	width += width % 2
	w.block, w.sums = make([][stride]float64, width), make([][groupSize]float64, width)
	for s := range w.counts {
		w.counts[s] = make([]float64, units)
	}
	return w
}

// weigh draws n samples, from one on, and writes their sums to out. The order of
// additions depends on nothing but the rows, so results are the same on any machine.
func (w *weigher) weigh(seed uint64, from, n int, out []Table) {
	for s := range n {
		counts := w.counts[s]
		clear(counts)
		g := generator(seed, from+s)
		for range w.units {
			i, _ := bits.Mul64(g.Uint64(), uint64(w.units))
			counts[i]++
		}
	}
	clear(w.sums)
	for row := 0; row < w.units; row += blockRows {
		rows := min(blockRows, w.units-row)
		w.gather(row, rows)
		c0, c1, c2, c3 := w.counts[0][row:row+rows], w.counts[1][row:row+rows], w.counts[2][row:row+rows], w.counts[3][row:row+rows]
		for j := 0; j < len(w.block); j += 2 {
			multiply(w.sums[j:j+2], w.block[j][:rows], w.block[j+1][:rows], [groupSize][]float64{c0, c1, c2, c3})
		}
	}
	j := 0
	for k, t := range w.tables {
		for c := range t.Width {
			for s := range n {
				out[k].Row(from + s)[c] = w.sums[j][s]
			}
			j++
		}
	}
}

// gather turns some rows of all tables into columns.
func (w *weigher) gather(row, rows int) {
	j := 0
	for _, t := range w.tables {
		data := t.Data[row*t.Width : (row+rows)*t.Width]
		for i := range rows {
			for c, v := range data[:t.Width] {
				w.block[j+c][i] = v
			}
			data = data[t.Width:]
		}
		j += t.Width
	}
}

// multiply adds two columns, weighed by the counts of four samples, to their sums.
func multiply(sums [][groupSize]float64, x, y []float64, counts [groupSize][]float64) {
	n := len(x)
	c0, c1, c2, c3 := counts[0][:n], counts[1][:n], counts[2][:n], counts[3][:n]
	y = y[:n]
	var x0, x1, x2, x3, y0, y1, y2, y3 float64
	for i, u := range x {
		v := y[i]
		a, b, c, d := c0[i], c1[i], c2[i], c3[i]
		x0 += a * u
		y0 += a * v
		x1 += b * u
		y1 += b * v
		x2 += c * u
		y2 += c * v
		x3 += d * u
		y3 += d * v
	}
	sums[0][0] += x0
	sums[0][1] += x1
	sums[0][2] += x2
	sums[0][3] += x3
	sums[1][0] += y0
	sums[1][1] += y1
	sums[1][2] += y2
	sums[1][3] += y3
}
