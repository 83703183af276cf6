package kernel

import "unsafe"

// softmaxArgs is one chunk of a running softmax over the rows of a tile: the largest visible score of each row
// joins top, the scores become e^(scale x - top), and their sum goes to sum. Hidden scores become zero. Rows are
// padded: a kernel may write to the end of the last vector.
type softmaxArgs struct {
	x           unsafe.Pointer // scores, float32
	half        unsafe.Pointer // where results go in bfloat16; nil for in place
	ldx, ldHalf int            // bytes between rows
	rows        int            // at least 1
	n           int            // scores of a row
	limit       int            // how many of them the first row sees; may be negative or beyond n
	step        int            // how many more the next row sees
	top, sum    unsafe.Pointer // float32, one a row
	scale       float32
}

func (t *softmaxArgs) portable() {
	top, sum := floats(t.top, t.rows), floats(t.sum, t.rows)
	for r := range t.rows {
		x := floats(at(t.x, r*t.ldx), t.n+1)
		seen := max(0, min(t.n, t.limit+r*t.step))
		for _, v := range x[:seen] {
			top[r] = max(top[r], v*t.scale)
		}
		sum[r] = 0
		for i, v := range x[:seen] {
			x[i] = exp32(v*t.scale - top[r])
			sum[r] += x[i]
		}
		clear(x[seen:])
	}
}

// tileRowsArgs is an operation on the rows of a tile.
type tileRowsArgs struct {
	dst, src   unsafe.Pointer
	ldd, lds   int // bytes between rows
	rows, cols int
	factor     unsafe.Pointer // one divisor a row
}

func (t *tileRowsArgs) divide() {
	for r, f := range floats(t.factor, t.rows) {
		dst := floats(at(t.dst, r*t.ldd), t.cols)
		for i, v := range floats(at(t.src, r*t.lds), t.cols) {
			dst[i] = v * (1 / f)
		}
	}
}

func (t *tileRowsArgs) pair() {
	for r := range t.rows {
		dst := unsafe.Slice((*uint16)(at(t.dst, r*t.ldd)), 2*t.cols)
		pairRow(dst, floats(at(t.src, 2*r*t.lds), t.cols), floats(at(t.src, (2*r+1)*t.lds), t.cols))
	}
}
